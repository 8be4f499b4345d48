import RegionDetection

/// Boxes and numbers that are the same in every run.
struct RandomBoxes {
    let generator: Generator

    init(seed: UInt64) throws { generator = try Generator(seed: seed) }

    func numbers(_ shape: [Int], from low: Double = 0, to high: Double = 1) throws -> Tensor {
        let tensor = try Tensor.empty(shape)
        try tensor.fillUniformInPlace(from: low, to: high, generator: generator)
        return tensor
    }

    /// Boxes with corners on quarters of pixels, so that equal overlaps occur; some leave the image.
    func boxes(_ count: Int, height: Double, width: Double, side: Double) throws -> Boxes {
        let center = try numbers([count, 2]) * Tensor([Float(width), Float(height)])
        let extent = try numbers([count, 2]) * side + 2
        let corners = try Tensor.cat([center - extent / 2, center + extent / 2], dimension: 1)
        return try Boxes((corners * 4).rounded() / 4)
    }
}

extension Tensor {
    /// Whether shapes agree and all elements are close.
    func allClose(to other: Tensor, relative: Double = 1e-5, absolute: Double = 1e-6) throws -> Bool {
        guard shape == other.shape else { return false }
        return try to(.float32).isClose(to: other.to(.float32), relative: relative, absolute: absolute)
            .all().number() != 0
    }
}

extension Tensor {
    /// The only element. Unlike `item()`, whose type would follow a literal that it is compared with.
    func number() throws -> Double { try item(as: Double.self) }
}
