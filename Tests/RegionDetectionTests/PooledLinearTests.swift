import Testing

@testable import RegionDetection

/// Parts of a batch's regions, and the layer that pools them again for its gradients.
@Suite struct PooledLinearTests {
    @Test func partsCoverRegionsInOrder() {
        #expect(RegionPart.parts(of: [], limit: 4).isEmpty && RegionPart.parts(of: [0, 0], limit: 4).isEmpty)
        let parts = RegionPart.parts(of: [2, 0, 1, 9, 1], limit: 4)
        #expect(parts.map(\.images) == [0..<3, 3..<4, 3..<4, 3..<5])
        #expect(
            parts.map(\.regions) == [[0..<2, 0..<0, 0..<1], [0..<3], [3..<6], [6..<9, 0..<1]])
        #expect(parts.map(\.count) == [3, 3, 3, 4])
    }

    /// The box head's vectors and all gradients are those of pooling once and keeping, for one part and several.
    @Test(arguments: [[3, 0, 2], [700, 1, 900]]) func gradientsAreThoseOfKeptRegions(_ counts: [Int]) throws {
        let store = ParameterStore()
        let head = try BoxHead(
            store.root / "head", BoxHead.Configuration(channels: 256, fullyConnected: [16, 8]))
        try store.initialize(seed: 1)
        let pooler = try RegionPooler(output: 7, strides: [4, 8], sampling: .aligned(ratio: 2))
        let generator = try Generator(seed: 2)
        let boxes = try counts.map { count -> Boxes in
            let start = try Tensor.random([count, 2], generator: generator) * 40
            let side = try Tensor.random([count, 2], generator: generator) * 20 + 4
            return try Boxes(Tensor.cat([start, start + side], dimension: 1))
        }
        let values = try [16, 8].map {
            try Tensor.randomNormal([counts.count, 256, $0, $0], generator: generator)
                .contiguous(.channelsLast)
        }
        let weights = try Tensor.randomNormal([counts.reduce(0, +), 8], generator: generator)
        func run(_ vectors: ([Tensor]) throws -> Tensor) throws -> (Tensor, [Tensor]) {
            let maps = try values.map { try $0.clone().requiringGrad() }
            try store.clearGradients()
            let output = try vectors(maps)
            try (output * weights).sum().backward()
            return (
                try output.detached(),
                try (maps + store.parameters.map { try $0.value }).map { try #require($0.grad) }
            )
        }
        let kept = try run { try head(pooler($0, boxes: boxes, format: head.format)) }
        let again = try run { try head($0, boxes: boxes, pooler: pooler) }
        #expect(try (kept.0 - again.0).abs().max().item() < 1e-4)
        for (gradient, expected) in zip(again.1, kept.1) {
            let largest = try expected.abs().max().item()
            #expect(try (gradient - expected).abs().max().item() <= 1e-4 * largest + 1e-6)
        }
    }
}
