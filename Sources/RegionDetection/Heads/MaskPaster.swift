internal import CKernels
import Support

/// Pastes masks predicted within boxes into images.
///
/// A pixel takes the bilinear value of the mask at its center; it is zero outside the mask, which extends half a cell
/// beyond its placement.
public struct MaskPaster: Sendable, Hashable {
    /// How a mask is placed, and which of its values are inside.
    public enum Placement: String, Sendable, Hashable, Codable, CaseIterable {
        /// In the box, as in detectron2's `paste_masks_in_image`; values at or above the threshold are inside. Boxes
        /// without area give an empty mask.
        case exact
        /// In whole pixels, as in the published F-VLM's `paste_instance_masks`: surrounded by a cell of zeros, the mask
        /// fills the box grown by these cells, with corners truncated to whole pixels, the last pixel included; values
        /// above the threshold are inside. A box without area gives one line of pixels or one pixel.
        case wholePixels
    }

    /// Height and width of the image in pixels.
    public var size: Size2D

    /// The threshold for values inside, inclusive or exclusive depending on ``placement``.
    public var threshold: Double

    /// How a mask is placed.
    public var placement: Placement

    /// Creates a paster.
    /// - Throws: ``DetectionError`` if the threshold is not above 0 and at most 1, or the size is not possible.
    public init(size: Size2D, threshold: Double = 0.5, placement: Placement = .exact) throws {
        guard threshold > 0, threshold <= 1 else {
            throw DetectionError("mask pasting", "the threshold \(threshold) is not above 0 and at most 1")
        }
        guard (1..<(1 << 20)).contains(size.height), (1..<(1 << 20)).contains(size.width) else {
            throw DetectionError("mask pasting", "an image of \(size.height) x \(size.width) is not possible")
        }
        self.size = size
        self.threshold = threshold
        self.placement = placement
    }

    /// Binary masks of the image.
    /// - Parameters:
    ///   - masks: Probabilities [N, S, S] or [N, 1, S, S].
    ///   - boxes: [N], in pixels of the image.
    /// - Returns: [N, height, width] `bool`, in main memory. Rows of pixels outside all masks take no memory.
    /// - Throws: ``DetectionError`` for masks and boxes that do not match, or boxes that are not finite.
    public func callAsFunction(_ masks: Tensor, boxes: Boxes) throws -> Tensor {
        let (masks, numbers) = try checked(masks, boxes)
        return try pasted(masks, numbers, dtype: .bool)
    }

    /// The values before thresholding, [N, height, width] `float32`.
    /// - Throws: The errors of ``callAsFunction(_:boxes:)``.
    package func values(_ masks: Tensor, boxes: Boxes) throws -> Tensor {
        let (masks, numbers) = try checked(masks, boxes)
        return try pasted(masks, numbers, dtype: .float32)
    }

    private func checked(_ masks: Tensor, _ boxes: Boxes) throws -> (Tensor, [Float]) {
        let flat = masks.rank == 4 && masks.shape[1] == 1 ? try masks.squeezed(1) : masks
        guard flat.rank == 3, flat.shape[1] == flat.shape[2], flat.shape[0] == boxes.count,
            (1...4096).contains(flat.shape[1])
        else {
            throw DetectionError("mask pasting", "\(masks.summary) does not fit \(boxes.count) boxes")
        }
        let places = placed(try boxes.finiteArray(for: "mask pasting"), side: flat.shape[1])
        return (try flat.detached().to(device: .cpu, dtype: .float32).contiguous(), places)
    }

    /// The placements of masks whose boxes have the corners `corners`, four numbers each.
    func placed(_ corners: [Float], side: Int) -> [Float] {
        guard placement == .wholePixels else { return corners }
        var places = corners
        for start in stride(from: 0, to: places.count, by: 4) {
            for axis in [start, start + 1] {
                (places[axis], places[axis + 2]) = Self.wholePixels(
                    places[axis], places[axis + 2], side: Float(side))
            }
        }
        return places
    }

    /// The kernel's threshold, whose comparison is >=.
    var leastValue: Float { placement == .exact ? Float(threshold) : Float(threshold).nextUp }

    /// The extent of a mask without its border, along one axis of the box; no pixels for an inverted box.
    private static func wholePixels(_ start: Float, _ end: Float, side: Float) -> (Float, Float) {
        // The steps of the published code, in its order and precision: a slightly smaller value can add a pixel.
        var half = (end - start) * 0.5
        let center = start + half
        half *= (side + 2) / side
        // A float has 24 significant bits: anything further away is outside any image.
        let limit = Float(1 << 23)
        let first = min(max((center - half).rounded(.towardZero), -limit), limit)
        let last = min(max((center + half).rounded(.towardZero), -limit), limit)
        guard last >= first else { return (0, 0) }
        let width = last - first + 1
        let border = width / (side + 2)
        return (first + border, first + width - border)
    }

    private func pasted(_ masks: Tensor, _ boxes: [Float], dtype: DType) throws -> Tensor {
        let shape = [masks.shape[0], size.height, size.width]
        let memory = try ZeroedMemory(byteCount: shape.reduce(1, *) * dtype.byteCount)
        let result = try Tensor(wrapping: memory.pointer, shape: shape, dtype: dtype, owner: memory)
        let (side, size) = (masks.shape[1], size)
        let threshold = leastValue
        try Kernel.call { call in
            let (masks, boxes) = (try call.floats(of: masks), call.copy(of: boxes))
            let binary = dtype == .bool ? try call.bytes(of: result) : nil
            let soft = dtype == .bool ? nil : try call.floats(of: result)
            try Kernel.run(rows: shape[0]) { begin, end in
                guard
                    ck_paste(
                        masks, Int64(side), boxes, Int64(size.height), Int64(size.width), threshold, binary,
                        soft, begin, end)
                else { throw DetectionError("mask pasting", "out of memory") }
            }
        }
        return result
    }
}

/// Zeroed memory that the system provides page by page on first write: most of a pasted mask is empty.
private final class ZeroedMemory: @unchecked Sendable {
    let pointer: UnsafeMutableRawPointer

    init(byteCount: Int) throws {
        guard let memory = calloc(max(byteCount, 1), 1) else {
            throw DetectionError(
                "mask pasting", "cannot allocate \(byteCount) bytes; paste fewer masks")
        }
        pointer = memory
    }

    deinit { free(pointer) }
}

extension MaskPaster {
    /// The part of an image that a mask covers.
    public struct Crop: Sendable, Hashable {
        /// The columns of pixels, from the left.
        public var columns: Range<Int>

        /// The rows of pixels, from the top.
        public var rows: Range<Int>

        /// 1 inside and 0 outside the mask, row by row; all other pixels of the image are outside.
        public var pixels: [UInt8]
    }

    /// Pastes one mask into only the part of the image that it covers: a mask of a large image takes no more memory
    /// than its box.
    /// - Parameters:
    ///   - probabilities: [side, side].
    ///   - side: Rows and columns of the mask.
    ///   - box: In pixels of the image: left, top, right, bottom.
    ///   - rows: The image's rows to look at; by default all.
    /// - Returns: The pixels of ``callAsFunction(_:boxes:)``, bit for bit.
    /// - Throws: ``DetectionError`` if the number of probabilities is wrong or the box is not finite.
    public func crop(
        _ probabilities: [Float], side: Int, box: [Float], rows: Range<Int>? = nil
    ) throws -> Crop {
        let rows = (rows ?? 0..<size.height).clamped(to: 0..<size.height)
        let bounds = try paste(probabilities, side: side, box: box, rows: rows, into: nil)
        var pixels = [UInt8](repeating: 0, count: bounds.columns.count * bounds.rows.count)
        if !pixels.isEmpty {
            try pixels.withUnsafeMutableBufferPointer {
                _ = try paste(probabilities, side: side, box: box, rows: rows, into: $0.baseAddress)
            }
        }
        return Crop(columns: bounds.columns, rows: bounds.rows, pixels: pixels)
    }

    /// The part of the image that a mask covers, as of ``crop(_:side:box:rows:)``.
    package func bounds(_ probabilities: [Float], side: Int, box: [Float]) throws -> (
        columns: Range<Int>, rows: Range<Int>
    ) {
        try paste(probabilities, side: side, box: box, rows: 0..<size.height, into: nil)
    }

    private func paste(
        _ probabilities: [Float], side: Int, box: [Float], rows: Range<Int>,
        into crop: UnsafeMutablePointer<UInt8>?
    ) throws -> (columns: Range<Int>, rows: Range<Int>) {
        guard (1...4096).contains(side), probabilities.count == side * side, box.count == 4 else {
            throw DetectionError(
                "mask pasting", "\(probabilities.count) values are not a mask of \(side) x \(side) cells")
        }
        guard box.allSatisfy(\.isFinite) else {
            throw DetectionError("mask pasting", "the box \(box) is not finite")
        }
        let place = placed(box, side: side)
        var bounds = [Int64](repeating: 0, count: 4)
        guard
            ck_paste_crop(
                probabilities, Int64(side), place, Int64(size.height), Int64(size.width), leastValue,
                Int64(rows.lowerBound), Int64(rows.upperBound), &bounds, crop)
        else { throw DetectionError("mask pasting", "out of memory") }
        return (Int(bounds[0])..<Int(bounds[2]), Int(bounds[1])..<Int(bounds[3]))
    }
}
