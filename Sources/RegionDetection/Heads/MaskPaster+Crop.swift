internal import CKernels

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
    ///   - box: In pixels of the image: left, top, right, bottom.
    /// - Returns: The pixels of ``callAsFunction(_:boxes:)``, bit for bit.
    /// - Throws: ``DetectionError`` if the number of probabilities is wrong or the box is not finite.
    public func crop(_ probabilities: [Float], side: Int, box: [Float]) throws -> Crop {
        guard (1...4096).contains(side), probabilities.count == side * side, box.count == 4 else {
            throw DetectionError(
                "mask pasting", "\(probabilities.count) values are not a mask of \(side) x \(side) cells")
        }
        guard box.allSatisfy(\.isFinite) else {
            throw DetectionError("mask pasting", "the box \(box) is not finite")
        }
        let place = placed(box, side: side)
        var bounds = [Int64](repeating: 0, count: 4)
        func paste(into crop: UnsafeMutablePointer<UInt8>?) throws {
            guard
                ck_paste_crop(
                    probabilities, Int64(side), place, Int64(size.height), Int64(size.width), leastValue,
                    &bounds, crop)
            else { throw DetectionError("mask pasting", "out of memory") }
        }
        try paste(into: nil)
        let (columns, rows) = (Int(bounds[0])..<Int(bounds[2]), Int(bounds[1])..<Int(bounds[3]))
        var pixels = [UInt8](repeating: 0, count: columns.count * rows.count)
        if !pixels.isEmpty { try pixels.withUnsafeMutableBufferPointer { try paste(into: $0.baseAddress) } }
        return Crop(columns: columns, rows: rows, pixels: pixels)
    }
}
