import COCO
import Testing

@Suite struct RunLengthMaskTests {
    private func randomMask(_ generator: inout SeededGenerator, height: Int, width: Int) throws
        -> RunLengthMask
    {
        let density = UInt64.random(in: 0...8, using: &generator)
        let pixels = (0..<height * width).map { _ -> UInt8 in generator.next() % 8 < density ? 1 : 0 }
        return try RunLengthMask(height: height, width: width, pixels: pixels)
    }

    @Test func setsAgreeWithPixels() throws {
        var generator = SeededGenerator(1)
        for _ in 0..<60 {
            let (height, width) = (
                Int.random(in: 1...12, using: &generator), Int.random(in: 1...12, using: &generator)
            )
            let masks = try (0..<3).map { _ in try randomMask(&generator, height: height, width: width) }
            let pixels = try masks.map { try $0.pixels() }
            let or = zip(zip(pixels[0], pixels[1]), pixels[2]).map { $0.0 | $0.1 | $1 }
            let and = zip(zip(pixels[0], pixels[1]), pixels[2]).map { $0.0 & $0.1 & $1 }
            #expect(try RunLengthMask.union(masks) == RunLengthMask(height: height, width: width, pixels: or))
            #expect(
                try RunLengthMask.intersection(masks)
                    == RunLengthMask(height: height, width: width, pixels: and))
            #expect(masks[0].area == pixels[0].reduce(0) { $0 + Int($1) })
            let common = zip(pixels[0], pixels[1]).reduce(0) { $0 + Int($1.0 & $1.1) }
            #expect(try masks[0].intersectionArea(masks[1]) == common)
            #expect(
                try RunLengthMask(height: height, width: width, compressed: masks[0].compressed) == masks[0])
            #expect(
                try RunLengthMask(height: height, width: width, polygons: masks[0].polygons()) == masks[0])
        }
    }

    @Test func emptyRunsAreTakenAndLeftOut() throws {
        let mask = try RunLengthMask(height: 2, width: 3, counts: [0, 0, 1, 0, 0, 2, 3, 0])
        #expect(mask.counts == [1, 2, 3])
        #expect(try RunLengthMask(height: 2, width: 3, counts: [2, 0, 4]).counts == [6])
        #expect(try RunLengthMask(height: 0, width: 7).counts == [0])
        #expect(try RunLengthMask(height: 0, width: 7, counts: []).area == 0)
        #expect(try RunLengthMask(height: 0, width: 7, polygons: [[0, 0, 1, 1, 1, 0]]).counts == [0])
    }

    @Test(arguments: [
        "", "0", "4", "hello", "o", "oooooooooooooooo", "P", "n", "\u{1}", "~", "0000000000", "f000000n",
        "Yoooooooo0",
    ])
    func brokenTextIsRefused(_ text: String) {
        #expect(throws: COCOError.self) { try RunLengthMask(height: 3, width: 3, compressed: text) }
    }

    @Test func impossibleMasksAreRefused() throws {
        func text(_ body: () throws -> Void) -> String { message(body) ?? "no error" }
        #expect(
            text { _ = try RunLengthMask(height: 2, width: 2, counts: [3]) }.contains(
                "cover 3 of the 4 pixels"))
        #expect(
            text { _ = try RunLengthMask(height: 2, width: 2, counts: [3, 2]) }.contains(
                "more than the 4 pixels"))
        #expect(text { _ = try RunLengthMask(height: 1 << 20, width: 1 << 20) }.contains("fewer than 2^32"))
        #expect(text { _ = try RunLengthMask(height: -1, width: 1) }.contains("fewer than 2^32"))
        #expect(text { _ = try RunLengthMask(height: .max, width: .max) }.contains("fewer than 2^32"))
        #expect(text { _ = try RunLengthMask(height: 2, width: 2, pixels: [1]) }.contains("1 values"))
        #expect(text { _ = try RunLengthMask.union([]) }.contains("no masks"))
        #expect(
            text {
                _ = try RunLengthMask(height: 2, width: 3).overlap(with: RunLengthMask(height: 3, width: 2))
            }
            .contains("cannot be combined"))
        #expect(
            text { _ = try RunLengthMask(height: 2, width: 2, polygons: [[0, 0, .nan, 1]]) }.contains(
                "not finite"))
        // A few numbers state a mask of billions of pixels; it costs nothing until it is laid out.
        let vast = try RunLengthMask(height: 65_535, width: 65_535, counts: [5, 4_294_836_220])
        #expect(vast.area == 4_294_836_220)
        #expect(text { _ = try vast.pixels() }.contains("too large to expand"))
        #expect(text { _ = try vast.polygons() }.contains("too large"))
    }

    @Test func farPointsCostNothing() throws {
        let mask = try RunLengthMask(
            height: 4, width: 4, polygons: [[-1e300, -1e300, 1e300, -1e300, 1e300, 1e300, -1e300, 1e300]])
        #expect(mask.area == 16)
        #expect(try RunLengthMask(height: 4, width: 4, polygons: [[1e18, 2, 1e18, 3, 5e17, 2]]).area == 0)
        let wide = message {
            _ = try RunLengthMask(height: 1, width: 2_000_000_000, polygons: [[0, 0, 2e9, 0, 2e9, 1, 0, 1]])
        }
        #expect(wide?.contains("crosses more than") == true)
        #expect(
            try RunLengthMask(height: 4, width: 4, box: BoundingBox(x: 1, y: 1, width: 2, height: 3)).area
                == 6)
    }

    @Test func holesAndTouchingCornersSurvive() throws {
        let pixels: [UInt8] = [
            1, 1, 1, 1, 1, 0, 0,
            1, 0, 1, 0, 1, 0, 1,
            1, 1, 1, 1, 1, 1, 0,
            0, 0, 0, 0, 1, 0, 1,
            1, 1, 0, 1, 1, 1, 1,
        ]
        let mask = try RunLengthMask(height: 5, width: 7, pixels: pixels)
        let rings = try mask.polygons()
        #expect(rings.count == 3)
        #expect(try RunLengthMask(height: 5, width: 7, polygons: rings) == mask)
        #expect(try RunLengthMask(height: 5, width: 7).polygons().isEmpty)
        // One pixel is a square of four corners.
        let one = try RunLengthMask(height: 2, width: 2, pixels: [0, 0, 0, 1])
        #expect(try one.polygons() == [[1, 1, 2, 1, 2, 2, 1, 2]])
    }

    @Test func crowdsAreMeasuredByTheDetection() throws {
        let crowd = try RunLengthMask(height: 2, width: 4, pixels: [1, 1, 1, 1, 1, 1, 1, 1])
        let part = try RunLengthMask(height: 2, width: 4, pixels: [0, 1, 0, 0, 0, 1, 0, 0])
        #expect(try part.overlap(with: crowd) == 0.25)
        #expect(try part.overlap(with: crowd, isCrowd: true) == 1)
        let box = BoundingBox(x: 0, y: 0, width: 2, height: 2)
        #expect(box.overlap(with: BoundingBox(x: 2, y: 0, width: 2, height: 2)) == 0)
        #expect(box.overlap(with: BoundingBox(x: 0, y: 0, width: 4, height: 4), isCrowd: true) == 1)
    }

    /// Runs down the columns, as the COCO tools count them, of a part of a mask wherever it lies.
    @Test(arguments: [
        (6, 9, 2..<7, 1..<4), (6, 9, 0..<9, 0..<6), (5, 20, 0..<20, 2..<5), (4, 3, 1..<2, 0..<4),
    ])
    func partsOfMasks(_ height: Int, _ width: Int, _ columns: Range<Int>, _ rows: Range<Int>) throws {
        var generator = SeededGenerator(7)
        for density in UInt64(0)...8 {
            let crop = (0..<columns.count * rows.count).map { _ in
                UInt8(generator.next() % 8 < density ? 3 : 0)
            }
            var pixels = [UInt8](repeating: 0, count: height * width)
            for (row, y) in rows.enumerated() {
                for (column, x) in columns.enumerated() {
                    pixels[y * width + x] = crop[row * columns.count + column] == 0 ? 0 : 1
                }
            }
            var counts: [UInt32] = [0]
            for x in 0..<width {
                for y in 0..<height {
                    let isOne = pixels[y * width + x] != 0
                    if isOne == counts.count.isMultiple(of: 2) {
                        counts[counts.count - 1] += 1
                    } else {
                        counts.append(1)
                    }
                }
            }
            let mask = try RunLengthMask(
                height: height, width: width, columns: columns, rows: rows, crop: crop)
            #expect(mask.counts == counts)
            #expect(try mask.pixels() == pixels)
        }
        #expect(throws: COCOError.self) {
            try RunLengthMask(height: 3, width: 3, columns: 1..<4, rows: 0..<1, crop: [1, 1, 1])
        }
        #expect(try RunLengthMask(height: 3, width: 3, columns: 1..<1, rows: 0..<3, crop: []).counts == [9])
    }
}
