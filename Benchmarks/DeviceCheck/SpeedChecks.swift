import FVLM
import Support
import Torch
import WeightFiles

/// A training on the device, step by step.
final class Training {
    let trainee: Trainee
    let optimizer: AdamW
    private let device: Device

    init(_ subject: CheckSubject) throws {
        device = subject.device
        let detector = try subject.detector(on: subject.device)
        try detector.network.store.unfreeze()
        trainee = try subject.trainee(detector)
        trainee.parameters.train()
        optimizer = try AdamW([ParameterGroup(trainee.parameters.trainableParameters)], learningRate: 1e-5)
    }

    func step(_ examples: [TrainingExample], seed: UInt64, precision: DType?) throws {
        try optimizer.clearGradients()
        let terms = try withAutocast(precision, device: device.kind) {
            try trainee.losses(examples, generator: Generator(seed: seed))
        }
        try terms.dropFirst().reduce(terms[0].value) { try $0 + $1.value }.backward()
        try optimizer.step()
    }
}

/// How fast a device is, and how much memory it takes.
enum SpeedChecks {
    private static let precisions: [(name: String, dtype: DType?, allowsTensorFloat32: Bool)] = [
        ("float32", nil, false), ("float32 with TF32", nil, true), ("bfloat16", .bfloat16, false),
    ]

    static func all(of subject: CheckSubject, steps: Int) -> [Check] {
        precisions.flatMap { name, dtype, allowsTensorFloat32 in
            [
                Check("training, \(name)") {
                    Runtime.setTensorFloat32(allowsTensorFloat32)
                    defer { Runtime.setTensorFloat32(false) }
                    return try training(subject, dtype, steps)
                },
                Check("detection, \(name)") {
                    Runtime.setTensorFloat32(allowsTensorFloat32)
                    defer { Runtime.setTensorFloat32(false) }
                    return try detection(subject, dtype, steps)
                },
            ]
        }
    }

    private static func measured(_ device: Device, _ count: Int, _ images: Int, _ body: (Int) throws -> Void)
        throws
        -> [String: Double]
    {
        for warmup in 0..<2 { try body(warmup) }
        try device.synchronize()
        try device.resetPeakMemory()
        let start = ContinuousClock.now
        for number in 0..<count { try body(number) }
        try device.synchronize()
        let seconds = CheckReport.seconds(ContinuousClock.now - start)
        var figures = [
            "images a second": Double(count * images) / seconds, "ms a batch": seconds / Double(count) * 1000,
        ]
        if let memory = device.memory { figures["MB peak"] = Double(memory.peak) / 1e6 }
        return figures
    }

    private static func training(_ subject: CheckSubject, _ precision: DType?, _ steps: Int) throws
        -> [String: Double]
    {
        let count = subject.device == .cpu ? 1 : 8
        let (training, examples) = try (Training(subject), subject.examples(count))
        return try measured(subject.device, steps, count) {
            try training.step(examples, seed: UInt64($0), precision: precision)
        }
    }

    private static func detection(_ subject: CheckSubject, _ precision: DType?, _ steps: Int) throws
        -> [String: Double]
    {
        let count = subject.device == .cpu ? 1 : 8
        let detector = try subject.detector(on: subject.device, dtype: precision ?? .float32)
        let vocabulary = try subject.vocabulary(80, for: detector.identity)
        let prepared = try subject.pictures(count).map { try detector.prepare($0) }
        return try measured(subject.device, steps, count) { _ in
            _ = try detector.detect(prepared: prepared, vocabulary: vocabulary)
        }
    }
}
