import CVips
import Support

/// One line of text as pixels.
struct RenderedText: Sendable {
    let width: Int
    let height: Int

    /// Red, green, blue and opacity of every pixel, row by row.
    let rgba: [UInt8]

    /// Renders a line in a sans-serif font. All lines of one size have the same height and baseline.
    ///
    /// - Throws: ``ImagingError`` if libvips cannot render the text.
    init(_ text: String, size: Int, color: Color) throws {
        // Invisible letters with an accent and a descender give every line the same extent.
        let strut = "<span alpha=\"1\">Ág</span>"
        func hex(_ value: UInt8) -> String { (value < 16 ? "0" : "") + String(value, radix: 16) }
        let foreground = "#" + hex(color.red) + hex(color.green) + hex(color.blue)
        let markup = "\(strut)<span foreground=\"\(foreground)\">\(Self.escaped(text))</span>"
        var pixels: UnsafeMutablePointer<UInt8>?
        var (columns, rows): (Int32, Int32) = (0, 0)
        do throws(Vips.Failure) {
            try Vips.perform { cvips_render_markup(markup, "Sans \(size)", &pixels, &columns, &rows) }
        } catch {
            throw ImagingError(reason: "the text '\(text)' cannot be rendered: \(error.reason)")
        }
        defer { cvips_free(pixels) }
        let all = UnsafeBufferPointer(start: pixels, count: Int(columns) * Int(rows) * 4)
        let (width, height) = (Int(columns), Int(rows))
        func isEmpty(_ column: Int) -> Bool {
            !(0..<height).contains { all[($0 * width + column) * 4 + 3] > 0 }
        }
        // Trims the columns that the strut and spaces leave empty at both sides.
        let first = (0..<width).first { !isEmpty($0) } ?? width
        let last = (first..<width).last { !isEmpty($0) } ?? first - 1
        self.width = last - first + 1
        self.height = height
        var rgba: [UInt8] = []
        rgba.reserveCapacity(self.width * height * 4)
        for row in 0..<height {
            rgba += all[((row * width + first) * 4)..<((row * width + last + 1) * 4)]
        }
        self.rgba = rgba
    }

    /// Escapes text for Pango markup: one line, without control characters.
    private static func escaped(_ text: String) -> String {
        var line = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isControl = [.control, .lineSeparator, .paragraphSeparator, .unassigned].contains(
                scalar.properties.generalCategory)
            line.append(isControl ? " " : scalar)
        }
        return Markup.escaped(String(line))
    }

    /// The text as large as fits into `maximum`: first reduced in size, then truncated with an ellipsis.
    ///
    /// - Returns: nil if not even one character fits legibly.
    static func fitting(_ text: String, size: Int, color: Color, into maximum: ImageSize) throws
        -> RenderedText?
    {
        let text = String(text.prefix(200))
        let smallest = max(8, size * 2 / 3)
        var size = size
        var rendered = try RenderedText(text, size: size, color: color)
        while size > smallest, !rendered.fits(maximum) {
            size = max(smallest, size * 5 / 6)
            rendered = try RenderedText(text, size: size, color: color)
        }
        if rendered.fits(maximum) { return rendered.width > 0 ? rendered : nil }
        guard rendered.height <= maximum.height else { return nil }
        // The number of characters that fit, by bisection.
        var (low, high) = (0, text.count)
        var best: RenderedText?
        while low < high {
            let middle = (low + high + 1) / 2
            let cut = try RenderedText(text.prefix(middle) + "…", size: size, color: color)
            if cut.fits(maximum) { (low, best) = (middle, cut) } else { high = middle - 1 }
        }
        return best
    }

    private func fits(_ maximum: ImageSize) -> Bool { width <= maximum.width && height <= maximum.height }
}
