import Testing
import TorchFixtures

@testable import Torch

/// Shares of a batch against the whole batch.
@Suite struct SharedBatchTests {
    private static func input() throws -> Tensor {
        try (Tensor.arange(to: 120, dtype: .float32) * 0.37).sin().reshaped([5, 3, 4, 2]) * 2 + 0.5
    }

    private static func weights() throws -> Tensor {
        try (Tensor.arange(to: 120, dtype: .float32) * 0.11).cos().reshaped([5, 3, 4, 2])
    }

    private struct Outcome: Sendable {
        var output: [Float]
        var inputGradient: [Float]
        var gradients: [[Float]]
        var statistics: [[Float]]
    }

    private static func normalized(_ rows: Range<Int>) throws -> Outcome {
        let store = ParameterStore()
        let norm = try BatchNorm2d(store.root, channels: 3, epsilon: 1e-4, momentum: 0.2)
        try store.initialize(seed: 1)
        try withoutGradients {
            try norm.weight.value.detached().copyInPlace(Tensor([0.5, 1, 2] as [Float]))
            try norm.bias.value.detached().copyInPlace(Tensor([0.1, 0, -1] as [Float]))
        }
        store.train()
        let input = try Self.input().narrowed(0, start: rows.lowerBound, length: rows.count).clone()
            .requiringGrad()
        let output = try norm(input)
        try (output * Self.weights().narrowed(0, start: rows.lowerBound, length: rows.count)).sum().backward()
        func values(_ tensor: Tensor?) throws -> [Float] {
            try tensor?.detached().reshaped([-1]).array(of: Float.self) ?? []
        }
        return Outcome(
            output: try values(output), inputGradient: try values(input.grad),
            gradients: [try values(norm.weight.grad), try values(norm.bias.grad)],
            statistics: [try values(norm.runningMean.value), try values(norm.runningVariance.value)])
    }

    /// Batch normalization over processes, one of them without a picture: values, statistics and the sums of gradients are
    /// those of the whole batch.
    @Test(arguments: [[0..<2, 2..<5], [0..<3, 3..<3, 3..<5]]) func batchNorm(_ shares: [Range<Int>]) throws {
        let whole = try Self.normalized(0..<5)
        let port = Together.freePort()
        let parts = try Together.run(shares.count) { rank in
            let group = try ProcessGroup(
                rank: rank, count: shares.count, host: "127.0.0.1", port: port, limit: .seconds(30))
            return try SharedBatch.$group.withValue(group) { try Self.normalized(shares[rank]) }
        }.map { try $0.get() }
        func near(_ one: [Float], _ other: [Float]) -> Bool {
            one.count == other.count && zip(one, other).allSatisfy { abs($0 - $1) < 2e-5 }
        }
        #expect(near(parts.flatMap(\.output), whole.output))
        #expect(near(parts.flatMap(\.inputGradient), whole.inputGradient))
        for place in 0..<2 {
            for part in parts { #expect(near(part.statistics[place], whole.statistics[place])) }
            let sums = whole.gradients[place].indices.map { index in
                parts.reduce(Float(0)) { $0 + $1.gradients[place][index] }
            }
            #expect(near(sums, whole.gradients[place]))
        }
    }

    @Test func totals() throws {
        #expect(try SharedBatch.total(3) == 3)
        let port = Together.freePort()
        let results = Together.run(2) { rank in
            let group = try ProcessGroup(
                rank: rank, count: 2, host: "127.0.0.1", port: port, limit: .seconds(30))
            return try SharedBatch.$group.withValue(group) {
                (try SharedBatch.total(rank + 1), try SharedBatch.total(Tensor([Float(rank)])).item())
            }
        }
        for result in results { #expect(try result.get() == (3, 1)) }
    }
}
