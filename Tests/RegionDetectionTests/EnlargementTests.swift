import Testing

@testable import RegionDetection

/// What deterministic runs on a device take in place of libtorch's enlargement.
@Suite struct EnlargementTests {
    @Test(arguments: [2, 4, 8], [(1, 1), (3, 5), (7, 2)])
    func productsAreTheOperator(_ scale: Int, _ size: (Int, Int)) throws {
        let (height, width) = size
        let map = try Tensor.randomNormal([2, 3, height, width], generator: Generator(seed: 1))
            .requiringGrad()
        let seed = try Tensor.randomNormal(
            [2, 3, height * scale, width * scale], generator: Generator(seed: 2))
        let plain = try map.interpolated(to: Size2D(height * scale, width * scale))
        try plain.backward(seed)
        let gradient = try #require(map.grad)
        try map.setGrad(nil)
        let products = try BilinearAdapter.enlargedByProducts(map, scale)
        try products.backward(seed)
        #expect(try products.allClose(to: plain, relative: 1e-4, absolute: 1e-5))
        #expect(try #require(map.grad).allClose(to: gradient, relative: 1e-4, absolute: 1e-4))
    }
}
