import CLIP
import Testing
import Torch

@Suite struct DenseMapTests {
    private func features(width: Int, height: Int) throws -> (ModifiedResNet, ModifiedResNet.Features) {
        let store = ParameterStore()
        // Two blocks in the last stage: its second 3 x 3 convolution must see cells that are C5's neighbors.
        let trunk = try ModifiedResNet(
            store.root, .init(blocks: [1, 1, 1, 2], width: 4, imageSize: 96, heads: 4, embeddingWidth: 20))
        try store.initialize(seed: 2)
        store.train(false)
        let pixels = try Tensor.randomNormal([2, 3, height, width], generator: Generator(seed: 3))
        return (trunk, try trunk.features(of: pixels))
    }

    private func everyOther(_ map: Tensor, _ row: Int, _ column: Int) throws -> Tensor {
        try map[
            TensorIndex.all, TensorIndex.all, TensorIndex.slice(from: row, to: nil, by: 2),
            TensorIndex.slice(from: column, to: nil, by: 2)]
    }

    @Test func everyOtherCellIsThatOfC5() throws {
        let (trunk, features) = try features(width: 192, height: 128)
        let dense = try trunk.denseC5(features.c4)
        #expect(dense.shape == [2, 128, 8, 12])
        #expect(try largestDifference(everyOther(dense, 0, 0), features.c5) < 1e-6)
    }

    /// The cells between are those of the picture moved by a cell of C4, but for the border.
    @Test func theOthersAreThoseOfAMovedPicture() throws {
        let (trunk, features) = try features(width: 192, height: 160)
        let dense = try trunk.denseC5(features.c4)
        let moved = try features.c4.narrowed(2, start: 1, length: 8).narrowed(3, start: 1, length: 10)
        let expected = try everyOther(trunk.denseC5(moved), 0, 0)
        let got = try everyOther(dense, 1, 1)
        // The last cells see the border, and the second block's convolution carries it one cell further.
        let (height, width) = (expected.shape[2] - 2, expected.shape[3] - 2)
        func inner(_ map: Tensor) throws -> Tensor {
            try map.narrowed(2, start: 0, length: height).narrowed(3, start: 0, length: width)
        }
        #expect(height == 2 && width == 3)
        #expect(try largestDifference(inner(got), inner(expected)) < 1e-6)
    }

    @Test func oddSidesLoseTheirLastCell() throws {
        let (trunk, features) = try features(width: 176, height: 112)
        #expect(features.c4.shape[2...] == [7, 11])
        let dense = try trunk.denseC5(features.c4)
        #expect(dense.shape[2...] == [6, 10])
        #expect(try largestDifference(everyOther(dense, 0, 0), features.c5) < 1e-6)
    }
}
