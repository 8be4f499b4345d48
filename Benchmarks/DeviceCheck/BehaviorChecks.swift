import FVLM
import Foundation
import Support
import Torch
import WeightFiles

/// Whether a device does what programs rely on.
enum BehaviorChecks {
    static func all(of subject: CheckSubject) -> [Check] {
        [
            Check("detection, with and without objects") { try detection(subject) },
            Check("1,203 names") { try vocabulary(subject, 1203) },
            Check("20,000 names") { try vocabulary(subject, 20_000) },
            Check("weights and optimizer through a file") { try resumption(subject) },
            Check("deterministic twice") { try determinism(subject) },
        ]
    }

    private static func detection(_ subject: CheckSubject) throws -> [String: Double] {
        let (there, here) = try (subject.shared(on: subject.device), subject.shared(on: .cpu))
        let (images, vocabulary) = try (subject.pictures(3), subject.vocabulary(80))
        var options = subject.configuration.scoring
        options.scoreThreshold = 0
        let best = try here.detect(images, vocabulary: vocabulary, options: options).compactMap {
            $0.first?.score
        }
        options.scoreThreshold = Double((best.min() ?? 0) + (best.max() ?? 0)) / 2
        let found = try there.detect(images, vocabulary: vocabulary, options: options)
        let expected = try here.detect(images, vocabulary: vocabulary, options: options)
        for (mine, theirs) in zip(found, expected) {
            guard let a = mine.first, let b = theirs.first else {
                guard abs(mine.count - theirs.count) <= 1 else {
                    throw CheckFailure(description: "\(mine.count) objects, on the processor \(theirs.count)")
                }
                continue
            }
            guard abs(a.score - b.score) < 1e-3 else {
                throw CheckFailure(description: "the best score is \(a.score), on the processor \(b.score)")
            }
        }
        return ["objects": Double(found.joined().count), "on the processor": Double(expected.joined().count)]
    }

    private static func vocabulary(_ subject: CheckSubject, _ count: Int) throws -> [String: Double] {
        let (there, here) = try (subject.shared(on: subject.device), subject.shared(on: .cpu))
        let vocabulary = try subject.vocabulary(count)
        var options = subject.configuration.scoring
        options.scoreThreshold = 1.2 / Double(count)
        options.includesMasks = false
        let images = try subject.pictures(1)
        let expected = try here.detect(images, vocabulary: vocabulary, options: options)[0].map(\.score)
        let start = ContinuousClock.now
        let found = try there.detect(images, vocabulary: vocabulary, options: options)[0].map(\.score)
        let seconds = CheckReport.seconds(ContinuousClock.now - start)
        guard abs(found.count - expected.count) <= 2 else {
            throw CheckFailure(description: "\(found.count) objects, on the processor \(expected.count)")
        }
        let worst = zip(found, expected).map { abs($0 - $1) / max($1, 1e-9) }.max() ?? 0
        guard worst < 0.02 else { throw CheckFailure(description: "scores differ by \(worst)") }
        return ["difference": Double(worst), "ms": seconds * 1000]
    }

    /// Steps, a file, more steps: as steps without the file.
    private static func resumption(_ subject: CheckSubject) throws -> [String: Double] {
        let before = Runtime.isDeterministic
        defer { Runtime.setDeterministic(before) }
        if subject.family == .published { Runtime.setDeterministic(true) }
        let examples = try subject.examples(1)
        func run(_ run: Training, _ seeds: Range<UInt64>) throws {
            for seed in seeds { try run.step(examples, seed: seed, precision: nil) }
        }
        let straight = try Training(subject)
        try run(straight, 0..<4)
        let first = try Training(subject)
        try run(first, 0..<2)
        let path = NSTemporaryDirectory() + "device-check-\(UUID().uuidString).safetensors"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let weights = try first.trainee.parameters.stored { "weights/\($0)" }
        try Safetensors.write(
            weights
                + first.optimizer.state().map { tensor in
                    var tensor = tensor
                    tensor.name = "optimizer/" + tensor.name
                    return tensor
                }, metadata: [:], to: path)
        let file = try Safetensors(contentsOf: path)
        let second = try Training(subject)
        try withoutGradients {
            for parameter in second.trainee.parameters.parameters {
                try parameter.value.detached().copyInPlace(
                    Tensor(file.tensor(named: "weights/\(parameter.name)")))
            }
        }
        let state = try file.keys.filter { $0.hasPrefix("optimizer/") }.map { key in
            var tensor = try file.tensor(named: key)
            tensor.name = String(key.dropFirst("optimizer/".count))
            return tensor
        }
        try second.optimizer.load(state: StoredTensors(state))
        try run(second, 2..<4)
        let worst =
            try zip(
                straight.trainee.parameters.parameters, second.trainee.parameters.parameters
            ).map { try AgreementChecks.difference($0.value.to(.float32), $1.value.to(.float32)) }.max() ?? 0
        guard worst < 1e-3 else { throw CheckFailure(description: "weights differ by \(worst)") }
        return ["difference": worst]
    }

    private static func determinism(_ subject: CheckSubject) throws -> [String: Double] {
        let before = Runtime.isDeterministic
        defer { Runtime.setDeterministic(before) }
        Runtime.setDeterministic(true)
        let examples = try subject.examples(2)
        func weights() throws -> [Tensor] {
            let training = try Training(subject)
            for seed in 0..<UInt64(2) { try training.step(examples, seed: seed, precision: nil) }
            return try training.trainee.parameters.parameters.map { try $0.value }
        }
        let (first, second) = try (weights(), weights())
        let worst =
            try zip(first, second).map { try AgreementChecks.difference($0.to(.float32), $1.to(.float32)) }
            .max() ?? 0
        guard worst == 0 else { throw CheckFailure(description: "two runs differ by \(worst)") }
        return [:]
    }
}
