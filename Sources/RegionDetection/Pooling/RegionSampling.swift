/// How a region is sampled when it is pooled to a grid of cells.
public enum RegionSampling: Sendable, Hashable {
    /// RoIAlign (He et al., 2017) with coordinates shifted by half a pixel so that samples and pixels align:
    /// detectron2's `ROIAlignV2`. A cell has ratio x ratio bilinear samples; with a ratio of 0, about one per pixel of
    /// the map.
    case aligned(ratio: Int)

    /// RoIAlign as first published: no shift, sides of at least one pixel.
    case legacy(ratio: Int)

    /// One bilinear sample at the center of every cell, without a shift, clamped to the map: the published F-VLM's crop
    /// (ops/spatial_transform_ops.py, `multilevel_crop_and_resize`).
    case cellCenters

    /// Samples per cell and axis; 0 for one per pixel of the map.
    var ratio: Int {
        switch self {
        case .aligned(let ratio), .legacy(let ratio): ratio
        case .cellCenters: 1
        }
    }

    func validate() throws {
        guard (0...64).contains(ratio) else {
            throw DetectionError("RoIAlign", "the sampling ratio \(ratio) is not between 0 and 64")
        }
    }
}

/// One map of a pyramid.
public struct PyramidLevel: Sendable {
    /// [N, C, H, W].
    public let features: Tensor

    /// Map cells per image pixel: 1 / stride.
    public let scale: Double

    /// Creates a level from a map and its scale.
    public init(_ features: Tensor, scale: Double) {
        self.features = features
        self.scale = scale
    }
}

/// Regions to be pooled: boxes with the map that each is taken from.
public struct Regions: Sendable {
    /// [R], in pixels of the image.
    public let boxes: Boxes

    /// The index in the batch of each region's image, [R].
    public let images: [Int64]

    /// The level of each region, [R].
    public let levels: [Int64]

    /// Creates regions.
    /// - Throws: ``DetectionError`` if the counts differ.
    public init(boxes: Boxes, images: [Int64], levels: [Int64]) throws {
        guard boxes.count == images.count, boxes.count == levels.count else {
            throw DetectionError(
                "RoIAlign", "\(boxes.count) boxes have \(images.count) images and \(levels.count) levels")
        }
        self.boxes = boxes
        self.images = images
        self.levels = levels
    }
}
