import Foundation
import Testing

@testable import Torch

/// Attention of heads side by side; in bfloat16 by this package's own kernel where the processor has the instructions.
@Suite struct AttentionTests {
    /// Query, key and value, [N, L or S, heads * width], from one projection as a layer makes them.
    private func projected(
        _ shape: (batch: Int, queries: Int, keys: Int), heads: Int, width: Int = 64, scale: Double = 1,
        dtype: DType = .bfloat16
    ) throws -> [Tensor] {
        let count = heads * width
        let all = try Tensor.randomNormal(
            [shape.batch, max(shape.queries, shape.keys), 3 * count], generator: Generator(seed: 7))
        let parts = try (all * scale).to(dtype).chunked(3, dimension: -1)
        return [
            try parts[0].narrowed(1, start: 0, length: shape.queries),
            try parts[1].narrowed(1, start: 0, length: shape.keys),
            try parts[2].narrowed(1, start: 0, length: shape.keys),
        ]
    }

    /// The definition, in double precision.
    private func expected(_ parts: [Tensor], heads: Int) throws -> Tensor {
        let split = try parts.map {
            try $0.to(.float64).unflattened(-1, into: [heads, $0.size(-1) / heads]).transposed(1, 2)
        }
        let scores =
            try split[0].matmul(split[1].transposed(2, 3))
            / Double(split[0].shape[3]).squareRoot()
        return try scores.softmax(3).matmul(split[2]).transposed(1, 2).flattened(from: 2)
    }

    /// The length of a difference as a share of the expected values' length.
    private func error(_ result: Tensor, _ expected: Tensor) throws -> Double {
        try (result.to(.float64) - expected).norm().item() / expected.norm().item()
    }

    /// Without AMX, which libtorch makes use of.
    private static let hasInstructions: Bool = {
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        return text.contains("avx512_bf16") && !text.contains("amx_bf16")
    }()

    @Test(arguments: [
        (1, 1, 1), (1, 5, 5), (2, 50, 50), (1, 128, 129), (1, 7, 200), (2, 257, 257), (1, 400, 64),
    ])
    func sixteenBitsAreTheDefinitionRounded(_ batch: Int, _ queries: Int, _ keys: Int) throws {
        // Large scores leave few weights, whose largest turns up in any block.
        for scale in [1.0, 4] {
            let parts = try projected((batch, queries, keys), heads: 3, scale: scale)
            #expect(
                try BFloat16Attention(query: parts[0], key: parts[1], value: parts[2], heads: 3) != nil
                    || !Self.hasInstructions)
            let result = try Tensor.attention(query: parts[0], key: parts[1], value: parts[2], heads: 3)
            #expect(result.shape == [batch, queries, 192])
            #expect(try result.dtype == .bfloat16)
            // Half a unit in the last of 8 places is 0.2 %; weights are rounded too.
            #expect(try error(result, expected(parts, heads: 3)) < 0.005)
        }
    }

    @Test func otherWidthsTypesAndMasksAreLibtorchs() throws {
        for (width, dtype) in [(32, DType.bfloat16), (64, .float32)] {
            let parts = try projected((2, 20, 30), heads: 2, width: width, dtype: dtype)
            #expect(try BFloat16Attention(query: parts[0], key: parts[1], value: parts[2], heads: 2) == nil)
            let result = try Tensor.attention(query: parts[0], key: parts[1], value: parts[2], heads: 2)
            #expect(try error(result, expected(parts, heads: 2)) < (dtype == .float32 ? 1e-6 : 0.005))
        }
        let parts = try projected((1, 20, 20), heads: 2)
        let causal = try Tensor.attention(
            query: parts[0], key: parts[1], value: parts[2], heads: 2, isCausal: true)
        let first = try parts.map { try $0.narrowed(1, start: 0, length: 1) }
        #expect(try error(causal.narrowed(1, start: 0, length: 1), expected(first, heads: 2)) < 0.005)
    }

    @Test func gradientsFlow() throws {
        let parts = try projected((1, 9, 9), heads: 2)
        let query = try parts[0].detached().clone().requiringGrad()
        try Tensor.attention(query: query, key: parts[1], value: parts[2], heads: 2).to(.float32).sum()
            .backward()
        #expect(try #require(query.grad).norm().item() > 0)
    }

    /// A number that is none stays one, in its own row alone.
    @Test func whatIsNotANumberIsNotHidden() throws {
        let parts = try projected((1, 70, 70), heads: 1)
        let query = try parts[0].clone()
        try query[0][3].copyInPlace(Tensor.full([64], Double.nan))
        let result = try Tensor.attention(query: query, key: parts[1], value: parts[2], heads: 1)
        let finite = try result[0].isFinite().all([1]).array(of: Bool.self)
        #expect(finite.enumerated().allSatisfy { $0.element == ($0.offset != 3) })
    }
}
