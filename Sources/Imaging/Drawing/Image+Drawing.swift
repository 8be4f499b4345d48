import CKernels

extension Image {
    /// Fills the pixels of a box with a color.
    ///
    /// - Parameters:
    ///   - box: Rounded to whole pixels and clipped to the picture.
    ///   - opacity: 0 to 1.
    package mutating func fill(_ box: Box, with color: Color, opacity: Double = 1) {
        let box = box.clipped(to: size)
        let (left, right) = (Int(box.x1.rounded()), Int(box.x2.rounded()))
        let (top, bottom) = (Int(box.y1.rounded()), Int(box.y2.rounded()))
        let opacity = Self.byte(opacity)
        guard right > left, bottom > top, opacity > 0 else { return }
        withPixels(fromColumn: left, row: top) { pixels, stride in
            ck_draw_box(Int64(right - left), Int64(bottom - top), color.channels, opacity, pixels, stride)
        }
    }

    /// Draws the border of a box, inside the box.
    ///
    /// - Parameters:
    ///   - width: The width in pixels; a box narrower than two borders is filled.
    ///   - opacity: 0 to 1.
    package mutating func stroke(_ box: Box, with color: Color, width: Int, opacity: Double = 1) {
        let (x1, y1) = (box.x1.rounded(), box.y1.rounded())
        let (x2, y2) = (box.x2.rounded(), box.y2.rounded())
        guard width > 0, x1.isFinite, y1.isFinite, x2.isFinite, y2.isFinite else { return }
        let (innerX1, innerX2) = (min(x1 + Double(width), x2), max(x2 - Double(width), x1))
        let (innerY1, innerY2) = (min(y1 + Double(width), y2), max(y2 - Double(width), y1))
        guard innerX1 < innerX2, innerY1 < innerY2 else {
            fill(Box(x1: x1, y1: y1, x2: x2, y2: y2), with: color, opacity: opacity)
            return
        }
        fill(Box(x1: x1, y1: y1, x2: x2, y2: innerY1), with: color, opacity: opacity)
        fill(Box(x1: x1, y1: innerY2, x2: x2, y2: y2), with: color, opacity: opacity)
        fill(Box(x1: x1, y1: innerY1, x2: innerX1, y2: innerY2), with: color, opacity: opacity)
        fill(Box(x1: innerX2, y1: innerY1, x2: x2, y2: innerY2), with: color, opacity: opacity)
    }

    /// Tints the pixels of a mask, and draws its outline in the full color.
    ///
    /// - Parameter rows: The rows of the picture to draw, of those that the mask stores; by default all. A mask of many rows
    ///   can so be drawn in bands, each with the rows beside it, which decide where its outline is.
    /// - Throws: ``ImagingError`` if the mask does not have the picture's size.
    package mutating func blend(
        _ mask: Mask, rows: Range<Int>? = nil, with color: Color, opacity: Double = 0.45, outline: Bool = true
    ) throws {
        guard mask.size == size else {
            throw ImagingError(reason: "a mask of \(mask.size) pixels does not fit a picture of \(size)")
        }
        let drawn = (rows ?? mask.rows).clamped(to: mask.rows)
        guard !drawn.isEmpty, !mask.columns.isEmpty else { return }
        let first = drawn.lowerBound - mask.rows.lowerBound
        withPixels(fromColumn: mask.columns.lowerBound, row: mask.rows.lowerBound) { pixels, stride in
            ck_draw_mask(
                mask.crop, Int64(mask.columns.count), Int64(mask.rows.count), Int64(first),
                Int64(first + drawn.count), color.channels, Self.byte(opacity), outline, pixels, stride)
        }
    }

    /// Draws rendered text with its upper left corner at (x, y), clipped to the picture.
    mutating func draw(_ text: RenderedText, x: Int, y: Int) {
        for row in max(0, -y)..<max(0, -y, min(text.height, height - y)) {
            for column in max(0, -x)..<max(0, -x, min(text.width, width - x)) {
                let at = (row * text.width + column) * 4
                guard text.rgba[at + 3] > 0 else { continue }
                let color = Color(red: text.rgba[at], green: text.rgba[at + 1], blue: text.rgba[at + 2])
                self[x + column, y + row] = color.blended(
                    over: self[x + column, y + row], opacity: Int(text.rgba[at + 3]))
            }
        }
    }

    /// Calls `body` with a pixel's place and the number of bytes from one row to the next.
    private mutating func withPixels(
        fromColumn x: Int, row y: Int, _ body: (UnsafeMutablePointer<UInt8>, Int64) -> Void
    ) {
        let (width, place) = (width, (y * width + x) * 3)
        withMutablePixels { pixels in
            guard let start = pixels.baseAddress, place < pixels.count else { return }
            body(start + place, Int64(width * 3))
        }
    }

    private static func byte(_ opacity: Double) -> Int32 {
        opacity.isNaN ? 0 : Int32((min(max(opacity, 0), 1) * 255).rounded())
    }
}

extension Color {
    fileprivate var channels: [UInt8] { [red, green, blue] }
}
