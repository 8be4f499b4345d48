import Testing
import Torch

/// Sums whose parts are computed with their gradients.
@Suite struct PartwiseSumTests {
    private struct Problem {
        let map: Tensor
        let other: Tensor
        let weight: Tensor
        let fixed: Tensor

        init() throws {
            let generator = try Generator(seed: 3)
            map = try Tensor.randomNormal([3, 4, 5, 5], generator: generator).requiringGrad()
            other = try Tensor.randomNormal([3, 4], generator: generator)
            weight = try Tensor.randomNormal([6, 4], generator: generator).requiringGrad()
            fixed = try Tensor.randomNormal([6], generator: generator)
        }

        func term(_ map: Tensor, _ other: Tensor) throws -> Tensor {
            let pooled = try map.mean([2, 3]) + other
            return try pooled.linear(weight, fixed).sigmoid().sum()
        }
    }

    /// Sum and gradients are those of the plain sum, for parts that overlap, leave rows out, and scaled sums.
    @Test(arguments: [[0..<3], [0..<1, 1..<3], [0..<2, 1..<2, 2..<3], [2..<3]], [1.0, 0.25])
    func sumAndGradientsAreThoseOfThePlainSum(_ parts: [Range<Int>], _ factor: Double) throws {
        let (plain, partwise) = (try Problem(), try Problem())
        let sum = try parts.reduce(try Tensor.zeros([])) { sum, rows in
            try sum
                + plain.term(
                    plain.map.narrowed(0, start: rows.lowerBound, length: rows.count),
                    plain.other.narrowed(0, start: rows.lowerBound, length: rows.count))
        }
        try (sum * factor).backward()
        let found = try PartwiseSum(
            "terms", maps: [partwise.map, partwise.other], parameters: [partwise.weight, partwise.fixed])(
                parts
            ) { try partwise.term($1[0], $1[1]) }
        try (found * factor).backward()
        #expect(try abs(found.item() - sum.item()) < 1e-5)
        for (tensor, expected) in [(partwise.map, plain.map), (partwise.weight, plain.weight)] {
            let (gradient, wanted) = (try #require(tensor.grad), try #require(expected.grad))
            #expect(try (gradient - wanted).abs().max().item() < 1e-6)
        }
        #expect(partwise.other.grad == nil && partwise.fixed.grad == nil)
    }

    /// Nothing is recorded where gradients are not, and no part means zero, which can be learned from.
    @Test func sumsWithoutGradientsAndWithoutParts() throws {
        let problem = try Problem()
        let sum = PartwiseSum("terms", maps: [problem.map, problem.other], parameters: [problem.weight])
        let plain = try withoutGradients {
            try sum([0..<3]) { try problem.term($1[0], $1[1]) }
        }
        #expect(!plain.requiresGrad)
        let empty = try sum([]) { _, _ in throw TorchError("term", reason: "is not asked for") }
        try empty.backward()
        #expect(try empty.item() == 0)
        #expect(problem.weight.grad == nil)
    }

    /// One tensor that is the gradient of two parameters is added to once for each.
    @Test func parametersWithOneGradientStayApart() throws {
        let map = try Tensor.ones([2, 3])
        let (first, second) = (
            try Tensor.zeros([3]).requiringGrad(), try Tensor.zeros([3]).requiringGrad()
        )
        let sum = try PartwiseSum("terms", maps: [map], parameters: [first, second])([0..<1, 1..<2]) {
            try ($1[0].squeezed(0) * (first + second)).sum()
        }
        try sum.backward()
        #expect(try first.grad?.array(of: Float.self) == [2, 2, 2])
        #expect(try second.grad?.array(of: Float.self) == [2, 2, 2])
    }
}
