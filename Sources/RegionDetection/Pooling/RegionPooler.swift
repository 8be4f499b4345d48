import Support

/// Pools each region from the pyramid level that suits its size (Lin et al., 2017, equation 1).
public struct RegionPooler: Sendable, Hashable {
    /// Rows and columns of a pooled region.
    public var output: Int

    /// Pixels of the image from cell to cell of each map, each twice the one before.
    public var strides: [Double]

    /// How regions are sampled.
    public var sampling: RegionSampling

    /// The side in pixels of a box assigned to the canonical level.
    public var canonicalSide: Double

    /// The level of boxes of the canonical side, as the base-2 logarithm of its stride.
    public var canonicalLevel: Int

    /// Creates a pooler.
    /// The level of the finest map: the power of two that its stride is, or is closest to.
    package var finestLevel: Int { Int(log2(strides[0]).rounded()) }

    /// Added to the ratio of a box's side to the canonical one, so that rounding does not push an exact border down: 1e-8
    /// in detectron2, 1e-6 in mmdet.
    public var levelEpsilon = 1e-8

    /// - Throws: ``DetectionError`` unless each stride is twice the one before.
    public init(
        output: Int, strides: [Double], sampling: RegionSampling, canonicalSide: Double = 224,
        canonicalLevel: Int = 4
    ) throws {
        guard let first = strides.first, first >= 0.5, first.isFinite,
            zip(strides, strides.dropFirst()).allSatisfy({ $0 * 2 == $1 })
        else {
            throw DetectionError(
                "RegionPooler", "the strides \(strides) are not each twice the one before")
        }
        guard canonicalSide > 0 else {
            throw DetectionError("RegionPooler", "the canonical side \(canonicalSide) must be positive")
        }
        self.output = output
        self.strides = strides
        self.sampling = sampling
        self.canonicalSide = canonicalSide
        self.canonicalLevel = canonicalLevel
    }

    /// The level of every box: an index into ``strides``.
    ///
    /// floor(canonical level + log2(side / canonical side)), clamped to the first and last level. Boxes without area
    /// get the first.
    /// - Throws: ``DetectionError`` if a box is not finite.
    public func levels(for boxes: Boxes) throws -> [Int64] {
        let numbers = try boxes.finiteArray(for: "RegionPooler")
        let first = finestLevel
        let last = first + strides.count - 1
        return stride(from: 0, to: numbers.count, by: 4).map { place in
            let area = (numbers[place + 2] - numbers[place]) * (numbers[place + 3] - numbers[place + 1])
            let side = area > 0 ? area.squareRoot() : 0
            let ratio = side / Float(canonicalSide) + Float(levelEpsilon)
            let level = (Float(canonicalLevel) + log2(ratio)).rounded(.down)
            return Int64(min(max(level, Float(first)), Float(last))) - Int64(first)
        }
    }

    /// Pools the boxes of every image.
    /// - Parameters:
    ///   - features: One map [N, C, H, W] per stride.
    ///   - boxes: The boxes of each of the N images, in pixels of the padded image.
    ///   - format: The memory layout of the result; contiguous for a head that flattens it without convolutions.
    /// - Returns: [R, C, output, output], the boxes of the first image first.
    /// - Throws: ``DetectionError``, `TorchError`.
    public func callAsFunction(
        _ features: [Tensor], boxes: [Boxes], format: MemoryFormat = .channelsLast
    ) throws -> Tensor {
        let (levels, regions) = try assigned(features, boxes)
        return try roiAlign(levels, regions, output: Size2D(output), sampling: sampling, format: format)
    }

    /// What the pooler asks of the kernels.
    func request(_ features: [Tensor], boxes: [Boxes]) throws -> PoolingRequest {
        let (levels, regions) = try assigned(features, boxes)
        return try PoolingRequest(levels, regions, output: Size2D(output), sampling: sampling)
    }

    /// The maps with their scales, and the boxes with their maps.
    private func assigned(_ features: [Tensor], _ boxes: [Boxes]) throws -> ([PyramidLevel], Regions) {
        guard features.count == strides.count else {
            throw DetectionError(
                "RegionPooler", "has \(strides.count) strides, but there are \(features.count) maps")
        }
        guard let batch = features.first?.shape.first, batch == boxes.count else {
            throw DetectionError(
                "RegionPooler", "the number of images with boxes, \(boxes.count), is not that of the batch")
        }
        let all = try Boxes.cat(boxes)
        let images = boxes.enumerated().flatMap {
            [Int64](repeating: Int64($0.offset), count: $0.element.count)
        }
        let regions = try Regions(boxes: all, images: images, levels: levels(for: all))
        return (zip(features, strides).map { PyramidLevel($0, scale: 1 / $1) }, regions)
    }
}
