import CLIP
import FVLM
import RegionDetection
import Support
import Torch

/// Whether a device computes what the processor computes.
enum AgreementChecks {
    static func all(of subject: CheckSubject) -> [Check] {
        [
            Check("trunk") { try stage(subject) { try $0.maps } },
            Check("pyramid") { try stage(subject) { try $0.pyramid } },
            Check("region proposals") { try proposals(subject) },
            Check("RoIAlign, both directions") { try pooling(subject, isDeterministic: false) },
            Check("RoIAlign by other operators") { try pooling(subject, isDeterministic: true) },
            Check("losses, gradients, a step") { try step(subject) },
        ]
    }

    /// The stages of a forward pass on one device.
    private struct Stages {
        let detector: Detector
        let pixels: Tensor

        var maps: [Tensor] {
            get throws {
                func levels<Tower: Trunk>(_ trunk: Tower) throws -> [Tensor] {
                    try trunk.levels(of: pixels.to(device: detector.device))
                }
                return try levels(detector.trunk)
            }
        }
        var pyramid: [Tensor] {
            get throws { try withoutGradients { try detector.network.pyramid(maps) } }
        }
    }

    private static func both(_ subject: CheckSubject) throws -> (there: Stages, here: Stages) {
        let pixels = try subject.pixels(2)
        return (
            Stages(detector: try subject.shared(on: subject.device), pixels: pixels),
            Stages(detector: try subject.shared(on: .cpu), pixels: pixels)
        )
    }

    private static func stage(_ subject: CheckSubject, _ tensors: (Stages) throws -> [Tensor]) throws
        -> [String: Double]
    {
        let (there, here) = try both(subject)
        var worst = 0.0
        for (a, b) in try zip(tensors(there), tensors(here)) {
            worst = max(worst, try difference(a, b))
        }
        guard worst < 2e-3 else {
            throw CheckFailure(description: "differs by \(worst) of the largest value")
        }
        return ["difference": worst]
    }

    /// The largest difference as a share of the largest value.
    static func difference(_ first: Tensor, _ second: Tensor) throws -> Double {
        let (a, b) = try (
            first.detached().to(device: .cpu).to(.float32), second.detached().to(device: .cpu).to(.float32)
        )
        guard a.shape == b.shape else {
            throw CheckFailure(description: "\(first.summary) has not the shape of \(second.summary)")
        }
        guard a.count > 0 else { return 0 }
        return try (a - b).abs().max().item() / max(b.abs().max().item(), 1e-12)
    }

    private static func proposals(_ subject: CheckSubject) throws -> [String: Double] {
        let (there, here) = try both(subject)
        let sizes = [Size2D](repeating: Size2D(subject.side, subject.side), count: 2)
        func found(_ stages: Stages) throws -> [[Float]] {
            try withoutGradients {
                try stages.detector.network.proposalNetwork(stages.pyramid, sizes: sizes).boxes
                    .map { try $0.tensor.array(of: Float.self) }
            }
        }
        let (mine, theirs) = try (found(there), found(here))
        // Boxes whose scores are nearly equal may change places: a box counts that is among the other's.
        var (common, total) = (0, 0)
        for (a, b) in zip(mine, theirs) {
            let others = Set(
                stride(from: 0, to: b.count, by: 4).map { b[$0..<$0 + 4].map { ($0 * 2).rounded() } })
            for place in stride(from: 0, to: a.count, by: 4) {
                let box = a[place..<place + 4].map { ($0 * 2).rounded() }
                total += 1
                if others.contains(box) { common += 1 }
            }
        }
        let share = Double(common) / Double(max(total, 1))
        guard total > 0, share > 0.9 else {
            throw CheckFailure(description: "\(common) of \(total) boxes are the processor's")
        }
        return ["share of equal boxes": share]
    }

    private static func pooling(_ subject: CheckSubject, isDeterministic: Bool) throws -> [String: Double] {
        let before = Runtime.isDeterministic
        defer { Runtime.setDeterministic(before) }
        let generator = try Generator(seed: 7)
        let map = try Tensor.randomNormal([2, 32, 40, 56], generator: generator)
        let numbers = try Tensor.random([60, 4], generator: generator).array(of: Float.self)
        let corners = stride(from: 0, to: numbers.count, by: 4).map { place -> [Float] in
            let (x, y) = (numbers[place] * 180, numbers[place + 1] * 120)
            return [x, y, x + 4 + numbers[place + 2] * 160, y + 4 + numbers[place + 3] * 120]
        }
        let regions = try Regions(
            boxes: Boxes(corners), images: corners.indices.map { Int64($0 % 2) },
            levels: [Int64](repeating: 0, count: corners.count))
        var worst = 0.0
        for sampling in [RegionSampling.aligned(ratio: 0), .aligned(ratio: 2), .cellCenters] {
            let seed = try Tensor.randomNormal([60, 32, 7, 7], generator: generator)
            func pooled(_ device: Device) throws -> (Tensor, Tensor) {
                Runtime.setDeterministic(isDeterministic && device != .cpu)
                let map = try map.clone().to(device: device).requiringGrad()
                let result = try roiAlign(
                    [PyramidLevel(map, scale: 0.25)], regions, output: Size2D(7), sampling: sampling)
                try result.backward(seed.to(device: device))
                guard let gradient = map.grad else { throw CheckFailure(description: "there is no gradient") }
                return (result, gradient)
            }
            let (there, here) = try (pooled(subject.device), pooled(.cpu))
            worst = max(worst, try difference(there.0, here.0), try difference(there.1, here.1))
        }
        guard worst < 1e-4 else {
            throw CheckFailure(description: "differs by \(worst) of the largest value")
        }
        return ["difference": worst]
    }

    private static func step(_ subject: CheckSubject) throws -> [String: Double] {
        func result(_ device: Device) throws -> (terms: [Double], norm: Double, weights: [Tensor]) {
            let detector = try subject.detector(on: device)
            let trainee = try subject.trainee(detector)
            try detector.network.store.unfreeze()
            trainee.parameters.train()
            defer { trainee.parameters.train(false) }
            let terms = try trainee.losses(subject.examples(2), generator: Generator(seed: 6))
            try terms.dropFirst().reduce(terms[0].value) { try $0 + $1.value }.backward()
            let parameters = trainee.parameters.trainableParameters
            let norm = try gradientNorm(of: parameters).item()
            let optimizer = try SGD([ParameterGroup(parameters)], learningRate: 0.01 / max(norm, 1e-6))
            try optimizer.step()
            return (
                try terms.map { try $0.value.item() }, norm,
                try parameters.map { try $0.value }
            )
        }
        let (there, here) = try (result(subject.device), result(.cpu))
        let terms = zip(there.terms, here.terms).map { abs($0 - $1) / max(abs($1), 1e-6) }.max() ?? 0
        let norm = abs(there.norm - here.norm) / here.norm
        let weights = try zip(there.weights, here.weights).map { try difference($0, $1) }.max() ?? 0
        // Proposals of nearly equal scores may change places, and other regions are learned from then.
        guard terms < 0.02, norm < 0.1, weights < 0.02 else {
            throw CheckFailure(
                description: "terms differ by \(terms), the norm by \(norm), weights by \(weights)")
        }
        return ["terms": terms, "norm": norm, "weights": weights]
    }
}
