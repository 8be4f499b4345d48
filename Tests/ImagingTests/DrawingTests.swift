import Support
import Testing

@testable import Imaging

@Suite struct DrawingTests {
    private let black = Color.black

    @Test func paletteIsStableAndDistinct() {
        let colors = (0..<24).map(Palette.color(at:))
        #expect(Palette.color(at: 0) == colors[0])
        for (index, color) in colors.enumerated() {
            for other in colors[..<index] {
                let distance = [(color.red, other.red), (color.green, other.green), (color.blue, other.blue)]
                    .map { abs(Int($0.0) - Int($0.1)) }.reduce(0, +)
                #expect(distance >= 30, "\(color) \(other)")
            }
        }
        #expect(Palette.color(at: -1) == Palette.color(at: 0xFFFF))
        #expect(Palette.color(at: .max) == Palette.color(at: 0xFFFF))
        // White, black and a known middle gray of OKLCH.
        #expect(Palette.color(lightness: 1, chroma: 0, hue: 0) == .white)
        #expect(Palette.color(lightness: 0, chroma: 0, hue: 0) == .black)
    }

    @Test func bordersLieInsideTheBox() throws {
        var image = try Image(width: 12, height: 10)
        image.stroke(Box(x1: 2, y1: 1, x2: 9, y2: 8), with: .white, width: 2)
        for y in 0..<10 {
            for x in 0..<12 {
                let inside = 2..<9 ~= x && 1..<8 ~= y
                let hollow = 4..<7 ~= x && 3..<6 ~= y
                #expect(image[x, y] == (inside && !hollow ? .white : .black), "\(x) \(y)")
            }
        }
    }

    @Test func drawingOutsideLeavesThePictureAlone() throws {
        let image = try patternImage(width: 20, height: 15)
        var drawn = image
        for box in [
            Box(x1: -9, y1: -9, x2: -1, y2: -1), Box(x1: 30, y1: 2, x2: 40, y2: 9),
            Box(x1: 5, y1: 5, x2: 5, y2: 5), Box(x1: .nan, y1: 0, x2: 4, y2: 4),
            Box(x1: 9, y1: 9, x2: 2, y2: 2),
        ] {
            drawn.stroke(box, with: .white, width: 2)
        }
        #expect(drawn == image)
        drawn.fill(Box(x1: .nan, y1: .nan, x2: .nan, y2: .nan), with: .white)
        #expect(drawn == image)
        drawn.fill(Box(x1: -1e300, y1: -1e300, x2: 1e300, y2: 1e300), with: .white)
        #expect(try drawn == Image(width: 20, height: 15, filledWith: .white))
    }

    @Test func masksTint() throws {
        var image = try Image(width: 5, height: 5)
        let mask = try Mask(width: 5, height: 5, bytes: (0..<25).map { $0 / 5 > 0 && $0 % 5 > 0 ? 255 : 0 })
        try image.blend(mask, with: Color(red: 200, green: 100, blue: 0), opacity: 0.5)
        #expect(image[0, 0] == .black)
        #expect(image[1, 1] == Color(red: 200, green: 100, blue: 0))
        #expect(image[2, 2] == Color(red: 100, green: 50, blue: 0))
        #expect(image[4, 3] == Color(red: 200, green: 100, blue: 0))
        let other = try Mask(width: 4, height: 5, bytes: [UInt8](repeating: 1, count: 20))
        #expect(throws: ImagingError.self) { try image.blend(other, with: .white) }
    }

    /// A mask of which only a part is stored is the whole mask.
    @Test func masksMayBeStoredInPart() throws {
        let bytes = (0..<48).map { UInt8([10, 11, 13, 18, 19, 20, 27, 31].contains($0) ? 1 : 0) }
        let whole = try Mask(width: 8, height: 6, bytes: bytes)
        let size = ImageSize(width: 8, height: 6)
        let crop = (1..<4).flatMap { y in bytes[y * 8 + 2..<y * 8 + 8] }
        let part = try Mask(size: size, columns: 2..<8, rows: 1..<4, crop: crop)
        #expect(part.bytes == bytes && part.size == whole.size)
        var (first, second) = (try Image(width: 8, height: 6), try Image(width: 8, height: 6))
        try first.blend(whole, with: .white, opacity: 0.5)
        try second.blend(part, with: .white, opacity: 0.5)
        #expect(first == second && first[3, 2] != .black)
        #expect(try Mask(size: size, columns: 3..<3, rows: 1..<1, crop: []).bytes.allSatisfy { $0 == 0 })
        #expect(throws: ImagingError.self) {
            try Mask(size: size, columns: 3..<9, rows: 1..<2, crop: .init(repeating: 0, count: 6))
        }
        #expect(throws: ImagingError.self) { try Mask(size: size, columns: 3..<5, rows: 1..<2, crop: [1]) }
    }

    /// A mask that is drawn in bands, each with the rows beside it, is the mask drawn at once: its outline is where it was.
    @Test(arguments: [1, 2, 5, 40]) func masksInBands(_ height: Int) throws {
        var random = SplitMix64(seed: 3)
        let size = ImageSize(width: 31, height: 23)
        let (columns, rows) = (4..<29, 3..<22)
        let crop = (0..<columns.count * rows.count).map { _ in
            UInt8(Int.random(in: 0...9, using: &random) / 3)
        }
        let whole = try Mask(size: size, columns: columns, rows: rows, crop: crop)
        let color = Color(red: 200, green: 40, blue: 90)
        var (once, banded) = (
            try patternImage(width: 31, height: 23), try patternImage(width: 31, height: 23)
        )
        try once.blend(whole, with: color)
        for top in stride(from: rows.lowerBound, to: rows.upperBound, by: height) {
            let band = top..<min(top + height, rows.upperBound)
            let stored = (band.lowerBound - 1..<band.upperBound + 1).clamped(to: rows)
            let first = (stored.lowerBound - rows.lowerBound) * columns.count
            let part = try Mask(
                size: size, columns: columns, rows: stored,
                crop: Array(crop[first..<first + stored.count * columns.count]))
            try banded.blend(part, rows: band, with: color)
        }
        #expect(banded == once)
    }

    @Test func linesOfOneSizeHaveOneHeight() throws {
        let texts = ["ace", "Ápgj", "x & <y>", "猫"].map { try? RenderedText($0, size: 20, color: .white) }
        #expect(texts[0]?.height == texts[1]?.height)
        #expect(texts[0]?.height == texts[2]?.height)
        #expect(texts.allSatisfy { ($0?.width ?? 0) > 0 })
        #expect(try RenderedText("", size: 20, color: .white).width == 0)
        #expect(try RenderedText("a\u{0}\n\u{1}b\u{2028}", size: 20, color: .white).width > 0)
    }

    @Test(arguments: [
        "dog", "a very long label that is wider than any of these pictures 🐶 " + "x", "<b>&", "\n",
    ])
    func labelsStayInsideWhereverTheBoxIs(_ label: String) throws {
        for (width, height) in [(200, 120), (60, 40), (9, 9), (300, 12), (1, 1)] {
            let image = try patternImage(width: width, height: height)
            for box in [
                Box(x1: 0, y1: 0, x2: Double(width), y2: Double(height)),
                Box(
                    x1: Double(width) - 3, y1: Double(height) - 3, x2: Double(width) + 40,
                    y2: Double(height) + 40),
                Box(x1: -50, y1: -50, x2: 5, y2: 5), Box(x1: 1e9, y1: 1e9, x2: 2e9, y2: 2e9),
            ] {
                let annotation = Annotation(box: box, label: label, color: Palette.color(at: 3))
                let drawn = try Annotator(labelOpacity: 1).draw([annotation], on: image)
                #expect(drawn.size == image.size)
            }
        }
    }

    @Test func labelsAreWritten() throws {
        let image = try Image(width: 300, height: 200)
        let box = Box(x1: 50, y1: 60, x2: 200, y2: 150)
        let color = Palette.color(at: 0)
        let plain = try Annotator().draw([Annotation(box: box, color: color)], on: image)
        let dog = try Annotator().draw([Annotation(box: box, label: "dog", color: color)], on: image)
        let cat = try Annotator().draw([Annotation(box: box, label: "cat", color: color)], on: image)
        #expect(plain != dog && dog != cat)
        // The label stands above the box, and covers nothing of it.
        for y in 60..<150 { #expect(dog[120, y] == plain[120, y]) }
        // Two labels at the same place do not cover each other: both grounds keep their own color somewhere.
        let both = try Annotator(labelOpacity: 1).draw(
            [
                Annotation(box: box, label: "dog", color: Color(red: 255, green: 0, blue: 0)),
                Annotation(box: box, label: "cat", color: Color(red: 0, green: 0, blue: 255)),
            ], on: image)
        let red = both.pixels.indices.count {
            $0 % 3 == 0 && both.pixels[$0] == 255 && both.pixels[$0 + 1] == 0
        }
        let blue = both.pixels.indices.count {
            $0 % 3 == 2 && both.pixels[$0] == 255 && both.pixels[$0 - 1] == 0
        }
        #expect(red > 200 && blue > 200)
    }

    /// Twelve objects side by side, smaller than their labels: each label is as visible as if it were alone.
    @Test func labelsOfCrowdedObjectsCoverNeitherEachOtherNorTheObjects() throws {
        let image = try Image(width: 640, height: 400)
        let all = (0..<12).map { number in
            let (x, y) = (Double(150 + number % 4 * 40), Double(150 + number / 4 * 40))
            return Annotation(
                box: Box(x1: x, y1: y, x2: x + 16, y2: y + 16), label: "object \(number)",
                color: Color(red: UInt8(60 + 15 * number), green: 200, blue: 7))
        }
        let annotator = Annotator(labelOpacity: 1)
        let together = try annotator.draw(all, on: image)
        func count(_ color: Color, in picture: Image) -> Int {
            var count = 0
            for y in 0..<picture.height {
                for x in 0..<picture.width where picture[x, y] == color { count += 1 }
            }
            return count
        }
        for annotation in all {
            let alone = count(annotation.color, in: try annotator.draw([annotation], on: image))
            #expect(count(annotation.color, in: together) >= alone * 9 / 10, "\(annotation.label ?? "")")
            for y in 4..<12 {
                let (x, top) = (Int(annotation.box!.x1) + 8, Int(annotation.box!.y1) + y)
                #expect(together[x, top] == .black, "\(annotation.label ?? "") is covered")
            }
        }
    }

    @Test func colorsOfNamesDependOnNothingElse() {
        #expect(Palette.color(of: "Polar_bear") == Palette.color(of: "polar bear"))
        let names = [
            "dog", "cat", "car", "bus", "person", "bicycle", "traffic light", "bird", "chair", "bottle",
        ]
        #expect(Set(names.map { Palette.color(of: $0) }).count == names.count)
        #expect(Palette.color(of: "dog") == Palette.color(at: Int(Self.hash("dog"))))
    }

    /// FNV-1a, folded to 16 bits.
    private static func hash(_ name: String) -> UInt32 {
        let hash = name.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
        return (hash ^ hash >> 16) & 0xFFFF
    }
}
