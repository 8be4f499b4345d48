import COCO
import Testing

@testable import EmojiScenes

struct DrawingTests {
    @Test func streamsRepeatAndDiffer() {
        func draw(_ seed: UInt64, _ name: String, _ index: Int) -> [UInt64] {
            var random = RandomStream(seed: seed, name, index: index)
            return (0..<4).map { _ in random.next() }
        }
        #expect(draw(1, "train", 0) == draw(1, "train", 0))
        #expect(
            Set([draw(1, "train", 0), draw(2, "train", 0), draw(1, "test", 0), draw(1, "train", 1)]).count
                == 4)
    }

    @Test func numbersFillTheirRanges() {
        var random = RandomStream(seed: 3, "numbers")
        var counts = [Int](repeating: 0, count: 7)
        for _ in 0..<7_000 { counts[random.index(7)] += 1 }
        #expect(counts.allSatisfy { (850...1_150).contains($0) })
        let sizes = (0..<2_000).map { _ in random.logUniform(16, 120) }
        #expect(sizes.allSatisfy { (16...120.01).contains($0) })
        // Half of the numbers lie below the geometric mean.
        #expect((900...1_100).contains(sizes.count { $0 < 43.82 }))
    }

    @Test func glyphsAreCroppedAndHalved() {
        let side = 40
        var rgba = [UInt8](repeating: 0, count: side * side * 4)
        for y in 8..<40 {
            for x in 4..<20 {
                for (channel, value) in [200, 100, 50, 128].enumerated() {
                    rgba[(y * side + x) * 4 + channel] = UInt8(value)
                }
            }
        }
        let glyph = rgba.withUnsafeBufferPointer { Glyph(width: side, height: side, rgba: $0) }
        #expect(glyph?.width == 16)
        #expect(glyph?.height == 32)
        #expect(glyph?.levels.map(\.width) == [16, 8])
        #expect(glyph?.levels.map(\.height) == [32, 16])
        // Colors are multiplied by alpha: 200 * 128 / 255, rounded.
        #expect(glyph?.levels[0].pixels[19] == SIMD4(100, 50, 25, 128))
        #expect(glyph?.levels[1].pixels[11] == SIMD4(100, 50, 25, 128))
        let empty = [UInt8](repeating: 0, count: 64)
        #expect(empty.withUnsafeBufferPointer { Glyph(width: 4, height: 4, rgba: $0) } == nil)
    }

    @Test func uprightSquaresCoverTheirPixels() {
        let sprite = Sprite(
            SyntheticGlyphs.white(side: 32), Placement(x: 20, y: 24, size: 32), ColorShift(), canvasWidth: 64,
            canvasHeight: 64)
        var mask = Set<Int>()
        sprite.forEachMaskPixel(canvasWidth: 64) { mask.insert($0) }
        let expected = Set((8..<40).flatMap { y in (4..<36).map { x in y * 64 + x } })
        #expect(mask == expected)
    }

    @Test(arguments: [Float(0), 0.4, 1.3]) func masksAreWhereAlphaIsAHalf(angle: Float) {
        var canvas = Canvas(width: 96, height: 80)
        let sprite = Sprite(
            SyntheticGlyphs.white(side: 48), Placement(x: 70, y: 30, size: 61, angle: angle, aspect: 1.1),
            ColorShift(), canvasWidth: 96, canvasHeight: 80)
        canvas.blend(sprite)
        var mask = [Bool](repeating: false, count: 96 * 80)
        sprite.forEachMaskPixel(canvasWidth: 96) { mask[$0] = true }
        #expect(mask.contains(true))
        // White on black: what is seen is alpha.
        #expect(zip(mask, canvas.pixels).allSatisfy { $0 == ($1.x >= 0.5) })
    }

    @Test func scenesRepeatAndTheirMasksDoNotOverlap() throws {
        let composer = SceneComposer(glyphs: SyntheticGlyphs.set(), candidates: Array(0..<8), side: 80)
        func scene(_ index: Int) throws -> Scene {
            var random = RandomStream(seed: 5, "scenes", index: index)
            return try composer.scene(&random)
        }
        for index in 0..<5 {
            let (first, second) = (try scene(index), try scene(index))
            #expect(first.canvas.bytes == second.canvas.bytes)
            #expect(first.objects.map(\.mask) == second.objects.map(\.mask))
            #expect((1...9).contains(first.objects.count))
            let masks = first.objects.map(\.mask)
            #expect(try RunLengthMask.union(masks).area == masks.reduce(0) { $0 + $1.area })
            #expect(masks.allSatisfy { $0.area > 0 })
        }
        #expect(try scene(0).canvas.bytes != scene(1).canvas.bytes)
    }

    /// Values of a ramp at the new pixels' centers; beyond the outer centers the outer values stand.
    @Test func enlargingInterpolatesBetweenCenters() {
        var canvas = Canvas(width: 2, height: 1)
        canvas.pixels = [SIMD4(0, 1, 0.5, 0), SIMD4(1, 0, 0.5, 0)]
        let large = canvas.enlarged(width: 4, height: 3)
        #expect(large.width == 4 && large.height == 3)
        for row in 0..<3 {
            #expect((0..<4).map { large.pixels[4 * row + $0].x } == [0, 0.25, 0.75, 1])
            #expect((0..<4).map { large.pixels[4 * row + $0].y } == [1, 0.75, 0.25, 0])
        }
    }

    /// Pictures like regions have the size that is asked for and repeat; asking for none leaves older streams alone.
    @Test func picturesLikeRegions() {
        func pictures(_ share: Float?) -> [[UInt8]] {
            var sampler = PictureSampler(glyphs: SyntheticGlyphs.set())
            if let share { sampler.regionShare = share }
            return (0..<6).map { index in
                var random = RandomStream(seed: 5, "regions", index: index)
                return sampler.picture(category: index, style: 0, side: 48, difficulty: 1, &random).bytes
            }
        }
        #expect(pictures(1) == pictures(1) && pictures(1).allSatisfy { $0.count == 48 * 48 * 3 })
        #expect(pictures(0) == pictures(nil))
        #expect(zip(pictures(1), pictures(0)).allSatisfy { $0 != $1 })
    }
}
