extension Image {
    /// Fills the pixels of a box with a colour.
    ///
    /// - Parameters:
    ///   - box: Rounded to whole pixels and clipped to the picture.
    ///   - opacity: 0 to 1.
    package mutating func fill(_ box: Box, with color: Color, opacity: Double = 1) {
        let box = box.clipped(to: size)
        let (left, right) = (Int(box.x1.rounded()), Int(box.x2.rounded()))
        let opacity = Self.byte(opacity)
        guard right > left, opacity > 0 else { return }
        for y in Int(box.y1.rounded())..<max(Int(box.y2.rounded()), Int(box.y1.rounded())) {
            for x in left..<right { self[x, y] = color.blended(over: self[x, y], opacity: opacity) }
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

    /// Tints the pixels of a mask, and draws its outline in the full colour.
    ///
    /// - Throws: ``ImagingError`` if the mask does not have the picture's size.
    package mutating func blend(_ mask: Mask, with color: Color, opacity: Double = 0.45, outline: Bool = true)
        throws
    {
        guard mask.size == size else {
            throw ImagingError(reason: "a mask of \(mask.size) pixels does not fit a picture of \(size)")
        }
        let opacity = Self.byte(opacity)
        // Pixels that are not stored are outside, as are those beyond the picture: its border is an edge.
        let (columns, rows) = (mask.columns.count, mask.rows.count)
        for row in 0..<rows {
            for column in 0..<columns where mask.crop[row * columns + column] != 0 {
                let isEdge =
                    outline
                    && (column == 0 || column == columns - 1 || row == 0 || row == rows - 1
                        || mask.crop[row * columns + column - 1] == 0
                        || mask.crop[row * columns + column + 1] == 0
                        || mask.crop[(row - 1) * columns + column] == 0
                        || mask.crop[(row + 1) * columns + column] == 0)
                let (x, y) = (mask.columns.lowerBound + column, mask.rows.lowerBound + row)
                self[x, y] = isEdge ? color : color.blended(over: self[x, y], opacity: opacity)
            }
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

    private static func byte(_ opacity: Double) -> Int {
        opacity.isNaN ? 0 : Int((min(max(opacity, 0), 1) * 255).rounded())
    }
}
