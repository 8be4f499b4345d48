/// Generates boxes of fixed sizes around the cells of a pyramid's maps, the references for proposals.
///
/// The order is that of detectron2's `DefaultAnchorGenerator` and of the published F-VLM: row by row, cell by cell
/// within a row, then by size, then by ratio.
public struct AnchorGenerator: Sendable, Hashable {
    /// Square roots of areas in pixels of the image, per level.
    public var sizes: [[Double]]

    /// Heights divided by widths.
    public var ratios: [Double]

    /// Pixels of the image from cell to cell, for every level; 3.5 for a quarter of a patch of 14 pixels.
    public var strides: [Double]

    /// The position of an anchor's center in its cell: 0 for the upper left corner, 0.5 for the middle.
    public var offset: Double

    /// Creates an anchor generator.
    /// - Throws: ``DetectionError`` if levels differ in the number of anchors, or a value is not positive.
    public init(
        sizes: [[Double]], ratios: [Double] = [0.5, 1, 2], strides: [Double], offset: Double = 0
    ) throws {
        guard sizes.count == strides.count, let first = sizes.first, !first.isEmpty, !ratios.isEmpty,
            sizes.allSatisfy({ $0.count == first.count }),
            (sizes.flatMap { $0 } + ratios + strides).allSatisfy({ $0 > 0 && $0.isFinite })
        else {
            throw DetectionError(
                "AnchorGenerator",
                "needs positive sizes, equally many on each level, ratios, and one stride per level")
        }
        self.sizes = sizes
        self.ratios = ratios
        self.strides = strides
        self.offset = offset
    }

    /// Sizes of 32 to 512 pixels, eight strides per side, on strides of 4 to 64.
    private init(ratios: [Double], offset: Double) {
        sizes = [[32], [64], [128], [256], [512]]
        strides = [4, 8, 16, 32, 64]
        self.ratios = ratios
        self.offset = offset
    }

    /// The anchors of mask_rcnn_R_50_FPN: 32 to 512 pixels, ratios 1:2, 1:1, 2:1, strides 4 to 64.
    public static func detectron2() -> AnchorGenerator { AnchorGenerator(ratios: [0.5, 1, 2], offset: 0) }

    /// The published F-VLM's anchors: 8 strides per side, in the middle of cells; ratios are 1, then wide, then tall.
    public static func published() -> AnchorGenerator { AnchorGenerator(ratios: [1, 0.5, 2], offset: 0.5) }

    /// Anchors per cell.
    package var anchorsPerCell: Int { (sizes.first?.count ?? 0) * ratios.count }

    /// The anchors of one cell of a level, centered on the origin.
    package func cellAnchors(level: Int) throws -> Boxes {
        let corners = sizes[level].flatMap { size in
            ratios.map { ratio -> [Float] in
                let width = (size * size / ratio).squareRoot()
                let height = ratio * width
                return [-width / 2, -height / 2, width / 2, height / 2].map(Float.init)
            }
        }
        return try Boxes(corners)
    }

    /// The anchors of every level.
    /// - Parameters:
    ///   - grids: Rows and columns of each level's map.
    ///   - device: Where the result lies.
    /// - Throws: ``DetectionError`` if the number of maps differs from the number of levels.
    public func callAsFunction(grids: [Size2D], device: Device = .cpu) throws -> [Boxes] {
        guard grids.count == strides.count else {
            throw DetectionError("AnchorGenerator", "has \(strides.count) levels, not \(grids.count)")
        }
        return try grids.enumerated().map { level, grid in
            let stride = strides[level]
            func centers(_ count: Int) throws -> Tensor {
                try (Tensor.arange(to: count, dtype: .float32, device: device) + offset) * stride
            }
            let axes = try Tensor.meshgrid([centers(grid.height), centers(grid.width)])
            let (y, x) = try (axes[0].flattened(), axes[1].flattened())
            let shifts = try Tensor.stack([x, y, x, y], dimension: 1).unsqueezed(1)
            let cell = try cellAnchors(level: level).tensor.to(device: device).unsqueezed(0)
            return try Boxes((shifts + cell).reshaped([-1, 4]))
        }
    }
}
