@testable import EmojiScenes

/// Drawings that need no packages: discs, boxes and rings in colors of their own.
enum SyntheticGlyphs {
    static func set(count: Int = 8, styles: [GlyphStyle] = [.noto]) -> GlyphSet {
        let categories = (0..<count).map { index in
            EmojiCategory(
                scalars: [0x1F400 + UInt32(index)],
                name: "shape \(["red", "blue", "round", "thin"][index % 4]) \(index)",
                group: "Shapes", subgroup: "", split: index % 4 == 0 ? .novel : .base,
                keywords: ["form", "word\(index)"])
        }
        return GlyphSet(categories: categories, styles: styles) { category, _ in
            glyph(Int(category.scalars[0] - 0x1F400))
        }
    }

    static func glyph(_ index: Int, side: Int = 64) -> Glyph {
        var rgba = [UInt8](repeating: 0, count: side * side * 4)
        for y in 0..<side {
            for x in 0..<side {
                let (u, v) = (Double(2 * x + 1) / Double(side) - 1, Double(2 * y + 1) / Double(side) - 1)
                let radius = (u * u + v * v).squareRoot()
                let isInside =
                    switch index % 3 {
                    case 0: radius < 0.9
                    case 1: abs(u) < 0.8 && abs(v) < 0.6
                    default: radius < 0.95 && radius > 0.5
                    }
                guard isInside else { continue }
                let place = (y * side + x) * 4
                rgba[place] = UInt8(index * 83 % 256)
                rgba[place + 1] = UInt8(index * 151 % 256)
                rgba[place + 2] = UInt8(255 - index * 47 % 256)
                rgba[place + 3] = 255
            }
        }
        return rgba.withUnsafeBufferPointer { pixels in
            Glyph(width: side, height: side, rgba: pixels) ?? white(side: 4)
        }
    }

    static func white(side: Int) -> Glyph {
        let rgba = [UInt8](repeating: 255, count: side * side * 4)
        guard let glyph = rgba.withUnsafeBufferPointer({ Glyph(width: side, height: side, rgba: $0) }) else {
            preconditionFailure("opaque pixels are visible")
        }
        return glyph
    }
}
