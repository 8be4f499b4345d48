internal import CKernels

/// The mask head's targets in a region: the ground-truth mask, cropped and resampled to side x side cells.
public enum MaskTargets {
    /// Targets from polygons, filled like in the COCO tools.
    ///
    /// Polygons are shifted and scaled so that the region fills the grid, filled there, and united (detectron2's
    /// `rasterize_polygons_within_box`).
    /// - Parameters:
    ///   - polygons: The rings (x, y, x, y, ... in pixels) of the object in each of the R regions.
    ///   - boxes: [R].
    ///   - side: Cells per row and column.
    /// - Returns: [R, side, side] `bool`.
    /// - Throws: ``DetectionError`` for rings of fewer than three points or with coordinates that are unpaired or not
    ///   finite.
    public static func polygons(_ polygons: [[[Double]]], boxes: Boxes, side: Int) throws -> Tensor {
        let numbers = try checked(boxes, count: polygons.count, side: side, "polygons")
        let result = try Tensor.zeros([polygons.count, side, side], dtype: .bool)
        try result.withMutableBytes { bytes in
            guard let target = bytes.bindMemory(to: UInt8.self).baseAddress else { return }
            var scratch = [UInt8](repeating: 0, count: side * side)
            for (region, rings) in polygons.enumerated() {
                let box = numbers[(4 * region)..<(4 * region + 4)].map { $0 }
                let x = Double(Float(side) / max(box[2] - box[0], 0.1))
                let y = Double(Float(side) / max(box[3] - box[1], 0.1))
                for ring in rings {
                    guard ring.count >= 6, ring.count % 2 == 0, ring.allSatisfy(\.isFinite) else {
                        throw DetectionError(
                            "mask targets",
                            "a polygon of region \(region) needs at least three points of two finite numbers"
                        )
                    }
                    let points = ring.enumerated().map { place, value in
                        place % 2 == 0 ? (value - Double(box[0])) * x : (value - Double(box[1])) * y
                    }
                    ck_fill_polygon(
                        points, Int64(points.count / 2), Int64(side), Int64(side),
                        target + region * side * side, &scratch)
                }
            }
        }
        return try result.to(device: boxes.device)
    }

    /// Targets from bitmaps of the image: the average of the pixels in every cell, as computed by
    /// ``roiAlign(_:_:output:sampling:)`` with `aligned(ratio: 0)`. Threshold at 0.5 for binary targets.
    /// - Parameters:
    ///   - masks: [M, H, W], `bool` or `uint8`; nonzero values are inside.
    ///   - index: The mask of each of the R regions.
    ///   - boxes: [R].
    /// - Returns: [R, side, side] `float32`.
    /// - Throws: ``DetectionError`` for masks of a different shape or type and for an index out of range.
    package static func bitmapAverages(_ masks: Tensor, index: [Int64], boxes: Boxes, side: Int) throws
        -> Tensor
    {
        let numbers = try checked(boxes, count: index.count, side: side, "bitmaps")
        let masks = try checked(masks, index: index)
        let (height, width) = (masks.shape[1], masks.shape[2])
        return try resampled(masks, index, side, boxes.device) { memory in
            let boxes = memory.copy(of: numbers)
            return { masks, index, target, begin, end in
                ck_crop_masks(
                    masks, Int64(height), Int64(width), index, boxes, Int64(side), target, begin, end)
            }
        }
    }

    /// Targets from bitmaps of the image, [R, side, side] `bool`: `bitmapAverages(_:index:boxes:side:)` of at least
    /// one half (detectron2's `BitMasks.crop_and_resize`).
    public static func bitmaps(_ masks: Tensor, index: [Int64], boxes: Boxes, side: Int) throws -> Tensor {
        try bitmapAverages(masks, index: index, boxes: boxes, side: side) .>= 0.5
    }

    /// Targets from bitmaps stored within their boxes: soft values from 0 to 1 (the published F-VLM's
    /// ops/spatial_transform_ops.py, `crop_mask_in_target_box`).
    ///
    /// One bilinear sample at the center of every cell, without half-pixel shift; zero outside the mask's box. Not
    /// rounded: the published mask loss takes the values unchanged.
    /// - Parameters:
    ///   - masks: [M, S, S], `bool` or `uint8`, each stretched over its box.
    ///   - maskBoxes: [M], the boxes of the masks.
    ///   - index: The mask of each of the R regions.
    ///   - boxes: [R].
    ///   - side: Rows and columns of a target.
    /// - Returns: [R, side, side] `float32`.
    /// - Throws: The errors of `bitmapAverages(_:index:boxes:side:)`, and for masks that are not square.
    public static func boxBitmaps(
        _ masks: Tensor, maskBoxes: Boxes, index: [Int64], boxes: Boxes, side: Int
    ) throws -> Tensor {
        let numbers = try checked(boxes, count: index.count, side: side, "bitmaps")
        let masks = try checked(masks, index: index)
        guard masks.shape[1] == masks.shape[2], maskBoxes.count == masks.shape[0] else {
            throw DetectionError(
                "mask targets", "\(masks.summary) are not square masks of \(maskBoxes.count) boxes")
        }
        let maskNumbers = try maskBoxes.finiteArray(for: "mask targets")
        let size = masks.shape[1]
        return try resampled(masks, index, side, boxes.device) { memory in
            let (boxes, maskBoxes) = (memory.copy(of: numbers), memory.copy(of: maskNumbers))
            return { masks, index, target, begin, end in
                ck_resample_box_masks(
                    masks, Int64(size), index, maskBoxes, boxes, Int64(side), target, begin, end)
            }
        }
    }

    // MARK: Common steps

    private static func checked(_ boxes: Boxes, count: Int, side: Int, _ what: String) throws -> [Float] {
        guard boxes.count == count else {
            throw DetectionError("mask targets", "\(boxes.count) boxes have \(what) of \(count) regions")
        }
        guard (1...4096).contains(side) else {
            throw DetectionError("mask targets", "\(side) cells per side are not possible")
        }
        return try boxes.finiteArray(for: "mask targets")
    }

    private static func checked(_ masks: Tensor, index: [Int64]) throws -> Tensor {
        guard try masks.rank == 3 && (masks.dtype == .bool || masks.dtype == .uint8) else {
            throw DetectionError("mask targets", "\(masks.summary) is not [M, H, W] of bool or uint8")
        }
        guard masks.shape[1] < 1 << 24, masks.shape[2] < 1 << 24 else {
            throw DetectionError("mask targets", "\(masks.summary) is too large")
        }
        if let wrong = index.first(where: { $0 < 0 || $0 >= masks.shape[0] }) {
            throw DetectionError("mask targets", "a region has mask \(wrong) of \(masks.shape[0])")
        }
        return try masks.to(device: .cpu).contiguous()
    }

    private typealias Resampling = (
        UnsafePointer<UInt8>, UnsafePointer<Int64>, UnsafeMutablePointer<Float>, _ begin: Int64, _ end: Int64
    ) -> Bool

    private static func resampled(
        _ masks: Tensor, _ index: [Int64], _ side: Int, _ device: Device,
        _ resampling: (KernelMemory) -> Resampling
    ) throws -> Tensor {
        let result = try Tensor.zeros([index.count, side, side])
        guard result.count > 0, masks.count > 0 else { return try result.to(device: device) }
        try Kernel.call { memory in
            let resample = resampling(memory)
            let (masks, target) = try (memory.bytes(of: masks), memory.floats(of: result))
            let index = memory.copy(of: index)
            try Kernel.run(rows: result.shape[0], grain: 4) { begin, end in
                guard resample(masks, index, target, begin, end) else {
                    throw DetectionError("mask targets", "out of memory")
                }
            }
        }
        return try result.to(device: device)
    }
}
