import Foundation
import Imaging
import Support
import Testing

@testable import Training

@Suite struct AugmentationTests {
    private let size = ImageSize(width: 640, height: 427)

    private func transforms(_ augmentation: Augmentation, _ count: Int = 200) throws -> [SpatialTransform] {
        try (0..<count).map { seed in
            var random = RandomStream(UInt64(seed))
            return try augmentation.draw(for: size, random: &random).transform
        }
    }

    @Test func nothingAskedNothingDone() throws {
        #expect(try transforms(Augmentation(), 5).allSatisfy(\.isIdentity))
    }

    @Test func flipsAsOftenAsAsked() throws {
        let flips = try transforms(Augmentation(flipProbability: 0.25), 2000).count { $0.xScale < 0 }
        #expect((400...600).contains(flips))
        #expect(try transforms(Augmentation(flipProbability: 1), 20).allSatisfy { $0.xScale < 0 })
    }

    @Test func jitterScalesAndCrops() throws {
        let side = 128
        let all = try transforms(
            Augmentation(resizing: .largeScaleJitter(side: side, minimumScale: 0.1, maximumScale: 2)))
        for transform in all {
            let scale = abs(transform.xScale) * 640 / Double(side)
            // Sides are rounded to whole pixels.
            #expect((0.09...2.01).contains(scale))
            #expect(transform.target.width <= side && transform.target.height <= side)
            // Nothing is added: every target pixel comes from the picture.
            let source = transform.inverse.apply(
                to: Box(
                    x1: 0, y1: 0, x2: Double(transform.target.width), y2: Double(transform.target.height)))
            #expect(
                source.x1 > -1e-6 && source.y1 > -1e-6 && source.x2 < 640 + 1e-6 && source.y2 < 427 + 1e-6)
        }
        #expect(all.contains { $0.target.longestSide < 30 } && all.contains { $0.xOffset < -60 })
    }

    @Test func ranges() throws {
        let short = try transforms(
            Augmentation(resizing: .shortestSide(choices: [100, 200, 400], longestSide: 450)))
        #expect(Set(short.map(\.target.shortestSide)) == [100, 200, 300])
        #expect(short.allSatisfy { $0.target.longestSide <= 450 })
        let long = try transforms(Augmentation(resizing: .longestSide(choices: [64, 96])))
        #expect(Set(long.map(\.target.longestSide)) == [64, 96])
        #expect(
            try transforms(Augmentation(resizing: .square(side: 64)), 3).allSatisfy {
                $0.target == ImageSize(width: 64, height: 43)
            })
    }

    @Test func settingsOutOfRangeAreRefused() {
        func draw(_ augmentation: Augmentation) -> String {
            message {
                var random = RandomStream(1)
                _ = try augmentation.draw(for: size, random: &random)
            }
        }
        #expect(draw(Augmentation(flipProbability: 1.5)).contains("flipProbability"))
        #expect(
            draw(Augmentation(resizing: .largeScaleJitter(side: 64, minimumScale: 2, maximumScale: 1)))
                .contains("not possible"))
        #expect(draw(Augmentation(resizing: .longestSide(choices: []))).contains("no side"))
        #expect(draw(Augmentation(colorJitter: ColorJitter(hue: 2))).contains("hue"))
    }

    @Test func colorsDoNotMoveTheGeometry() throws {
        let plain = Augmentation.published(side: 100)
        var colorful = plain
        colorful.colorJitter = ColorJitter(brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1)
        #expect(try transforms(plain, 20) == transforms(colorful, 20))
        let data = try JSONEncoder().encode(colorful)
        #expect(try JSONDecoder().decode(Augmentation.self, from: data) == colorful)
    }

    // MARK: Colors

    private func jittered(
        _ color: Color, brightness: Double = 1, contrast: Double = 1, saturation: Double = 1, hue: Double = 0
    ) throws -> Color {
        var image = try Image(width: 2, height: 1, filledWith: color)
        image[1, 0] = Color(red: 100, green: 100, blue: 100)
        let draw = ColorJitter.Draw(
            brightness: brightness, contrast: contrast, saturation: saturation, hue: hue)
        return try draw.apply(to: image)[0, 0]
    }

    @Test func colorsAreAsComputedByHand() throws {
        let color = Color(red: 200, green: 100, blue: 50)
        #expect(try jittered(color) == color)
        #expect(try jittered(color, brightness: 0.5) == Color(red: 100, green: 50, blue: 25))
        #expect(try jittered(color, brightness: 2) == Color(red: 255, green: 200, blue: 100))
        // Gray 0.299 * 200 + 0.587 * 100 + 0.114 * 50 = 124.2.
        #expect(try jittered(color, saturation: 0) == Color(red: 124, green: 124, blue: 124))
        // The picture's mean gray is (124.2 + 100) / 2 = 112.1.
        #expect(try jittered(color, contrast: 0.5) == Color(red: 156, green: 106, blue: 81))
        let half = try jittered(color, hue: 0.5)
        #expect(half.blue > half.red)
        // YIQ's matrices are published to three digits, so that gray may move by one.
        let gray = try jittered(Color(red: 90, green: 90, blue: 90), hue: 0.3)
        #expect([gray.red, gray.green, gray.blue].allSatisfy { abs(Int($0) - 90) <= 1 })
    }
}

extension Augmentation {
    /// The published F-VLM's: large-scale jitter from 0.1 to 2 and mirroring.
    static func published(side: Int = 1024) -> Augmentation {
        Augmentation(
            resizing: .largeScaleJitter(side: side, minimumScale: 0.1, maximumScale: 2), flipProbability: 0.5)
    }
}
