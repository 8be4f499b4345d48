import Imaging
import Support
import Tracking

/// Emoji that move over a background and are hidden now and then: a film with the boxes of what is visible.
///
/// Every object goes along a curve of its own, turns a little, and is hidden once in three seconds, for 0.3 to 1 second, by a card
/// that covers all of its way meanwhile, and whatever else is there.
struct MovingScene: Sendable {
    /// An object that moves.
    struct Mover: Sendable {
        let category: Int
        let style: Int
        let color: ColorShift
        let size: Float
        /// Center, amplitude, angular speed and phase, along x and along y.
        let x: Wave
        let y: Wave
        /// The angle.
        let turn: Wave
        /// When it is hidden, in seconds.
        let hidden: [ClosedRange<Float>]

        func placement(at time: Float) -> Placement {
            Placement(x: x(time), y: y(time), size: size, angle: turn(time))
        }
    }

    /// A number that swings.
    struct Wave: Sendable {
        let center: Float
        let amplitude: Float
        let speed: Float
        let phase: Float

        func callAsFunction(_ time: Float) -> Float { center + amplitude * sin(speed * time + phase) }
    }

    /// What hides an object.
    private struct Card: Sendable {
        let times: ClosedRange<Float>
        let columns: Range<Int>
        let rows: Range<Int>
        let color: SIMD4<Float>
    }

    /// A frame.
    struct Frame: Sendable {
        let image: Image
        /// The numbers of the objects that are visible, from 0, with the boxes of their visible pixels.
        let objects: [(number: Int, box: TrackedBox)]
    }

    let side: Int
    let frameRate: Float
    let frameCount: Int
    let movers: [Mover]
    private let glyphs: GlyphSet
    private let background: Canvas
    private let cards: [Card]
    private let grainSeed: UInt64

    /// Visible when a quarter of its pixels are.
    private static let visibleShare = 0.25

    /// - Parameters:
    ///   - candidates: The categories, as indices into the glyph set; each object has another one.
    init(
        _ glyphs: GlyphSet, candidates: [Int], objects: Int, side: Int, seconds: Float, frameRate: Float,
        _ random: inout RandomStream
    ) {
        self.glyphs = glyphs
        self.side = side
        self.frameRate = frameRate
        frameCount = Int(seconds * frameRate)
        background = Background.canvas(width: side, height: side, richness: 0.9, &random)
        let length = Float(side)
        func wave(_ amplitude: ClosedRange<Float>, center: Float, _ random: inout RandomStream) -> Wave {
            Wave(
                center: center, amplitude: random.uniform(amplitude.lowerBound, amplitude.upperBound),
                speed: 2 * .pi / random.uniform(3, 7), phase: random.uniform(0, 2 * .pi))
        }
        var rest = candidates
        var movers: [Mover] = []
        for _ in 0..<min(objects, candidates.count) {
            let category = rest.remove(at: random.index(rest.count))
            let size = random.logUniform(0.12 * length, 0.28 * length)
            let x = wave(
                0.1 * length...0.3 * length, center: random.uniform(0.35, 0.65) * length, &random)
            let y = wave(
                0.1 * length...0.3 * length, center: random.uniform(0.35, 0.65) * length, &random)
            var hidden: [ClosedRange<Float>] = []
            var start = random.uniform(0.8, 3)
            while start < seconds - 1.2 {
                let end = start + random.uniform(0.3, 1)
                hidden.append(start...end)
                start = end + random.uniform(1.6, 3)
            }
            movers.append(
                Mover(
                    category: category, style: random.index(glyphs.styles.count),
                    color: ColorShift.random(0.5, &random), size: size, x: x, y: y,
                    turn: wave(0...0.3, center: 0, &random), hidden: hidden))
        }
        self.movers = movers
        cards = movers.flatMap { mover in
            mover.hidden.map { times in
                // The way during this time, in steps that are shorter than a frame's.
                let steps = (0...30).map {
                    times.lowerBound + Float($0) / 30 * (times.upperBound - times.lowerBound)
                }
                let reach = 0.75 * mover.size + 2
                func span(_ wave: Wave) -> Range<Int> {
                    let values = steps.map { wave($0) }
                    let low = max(Int((values.min() ?? 0) - reach), 0)
                    return low..<max(min(Int((values.max() ?? 0) + reach), side), low)
                }
                return Card(
                    times: times, columns: span(mover.x), rows: span(mover.y),
                    color: SIMD4(random.unit(), random.unit(), random.unit(), 1))
            }
        }
        grainSeed = random.next()
    }

    /// When a frame is shown, in seconds.
    func time(of frame: Int) -> Float { Float(frame) / frameRate }

    /// Draws a frame.
    /// - Throws: `ImagingError` for a side that pictures cannot have.
    func frame(_ number: Int) throws -> Frame {
        let time = time(of: number)
        var canvas = background
        // The number of the topmost object at every pixel, from 1.
        var owners = [UInt8](repeating: 0, count: side * side)
        var areas = [Int](repeating: 0, count: movers.count)
        for (index, mover) in movers.enumerated() {
            let sprite = Sprite(
                glyphs.glyph(style: mover.style, category: mover.category), mover.placement(at: time),
                mover.color, canvasWidth: side, canvasHeight: side)
            canvas.blend(sprite)
            sprite.forEachMaskPixel(canvasWidth: side) { place in
                owners[place] = UInt8(index + 1)
                areas[index] += 1
            }
        }
        for card in cards where card.times.contains(time) {
            for row in card.rows {
                for column in card.columns {
                    // Stripes, so that a card is a thing and not a hole.
                    let isDark = (row + column) / 6 % 2 == 0
                    canvas.pixels[row * side + column] = card.color * (isDark ? 0.75 : 1)
                    owners[row * side + column] = 0
                }
            }
        }
        var random = RandomStream(seed: grainSeed, "grain", index: number)
        canvas.develop(grain: 0.02, contrast: 1, brightness: 0, &random)
        var boxes = [(left: Int, top: Int, right: Int, bottom: Int, area: Int)](
            repeating: (side, side, -1, -1, 0), count: movers.count)
        for row in 0..<side {
            for column in 0..<side where owners[row * side + column] > 0 {
                let index = Int(owners[row * side + column]) - 1
                boxes[index].left = min(boxes[index].left, column)
                boxes[index].top = min(boxes[index].top, row)
                boxes[index].right = max(boxes[index].right, column)
                boxes[index].bottom = max(boxes[index].bottom, row)
                boxes[index].area += 1
            }
        }
        let objects = boxes.enumerated().compactMap { index, box -> (number: Int, box: TrackedBox)? in
            guard box.area > 0, Double(box.area) >= Self.visibleShare * Double(areas[index]) else {
                return nil
            }
            return (
                index,
                TrackedBox(
                    left: Double(box.left), top: Double(box.top), right: Double(box.right + 1),
                    bottom: Double(box.bottom + 1))
            )
        }
        return Frame(image: try Image(width: side, height: side, pixels: canvas.bytes), objects: objects)
    }
}
