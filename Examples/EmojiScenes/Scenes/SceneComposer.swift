import COCO

/// Places emoji on backgrounds.
struct SceneComposer: Sendable {
    /// The drawings.
    let glyphs: GlyphSet

    /// The categories that may appear, as indices into the glyph set.
    let candidates: [Int]

    /// The side of the square scenes in pixels.
    var side = 256

    /// The number of emoji in a scene.
    var counts = 3...9

    /// The longest sides of drawings in pixels; their logarithm is uniformly distributed.
    var sizes: ClosedRange<Float> = 16...120

    /// The smallest share of an object that later ones leave visible.
    var visibleShare = 0.7

    private static let attempts = 24
    private static let smallestMask = 24

    /// Composes a scene; it may have fewer emoji than requested if there is no room.
    /// - Throws: `COCOError` for a side that masks cannot have.
    func scene(_ random: inout RandomStream) throws -> Scene {
        var canvas = Background.canvas(width: side, height: side, richness: 0.9, &random)
        // The number of the topmost object at every pixel, starting at 1.
        var owners = [UInt16](repeating: 0, count: side * side)
        var placed: [(category: Int, style: Int, size: Float)] = []
        var parts: [(columns: Range<Int>, rows: Range<Int>)] = []
        var areas: [Int] = []
        var visible: [Int] = []
        for _ in 0..<(counts.lowerBound + random.index(counts.count)) {
            let category = candidates[random.index(candidates.count)]
            let style = random.index(glyphs.styles.count)
            let size = random.logUniform(sizes.lowerBound, sizes.upperBound)
            let color = ColorShift.random(1, &random)
            for _ in 0..<Self.attempts {
                let margin = min(0.4 * size, Float(side) / 2)
                let placement = Placement(
                    x: random.uniform(margin, Float(side) - margin),
                    y: random.uniform(margin, Float(side) - margin),
                    size: size, angle: random.uniform(-0.45, 0.45), aspect: 1 + random.uniform(-0.15, 0.18))
                let sprite = Sprite(
                    glyphs.glyph(style: style, category: category), placement, color, canvasWidth: side,
                    canvasHeight: side)
                var area = 0
                var covered = [Int](repeating: 0, count: placed.count + 1)
                sprite.forEachMaskPixel(canvasWidth: side) { place in
                    area += 1
                    covered[Int(owners[place])] += 1
                }
                let leavesOthersVisible = placed.indices.allSatisfy { index in
                    Double(visible[index] - covered[index + 1]) >= visibleShare * Double(areas[index])
                }
                guard area >= Self.smallestMask, leavesOthersVisible else { continue }
                canvas.blend(sprite)
                for index in placed.indices { visible[index] -= covered[index + 1] }
                placed.append((category, style, size))
                parts.append((sprite.x..<sprite.x + sprite.width, sprite.y..<sprite.y + sprite.height))
                areas.append(area)
                visible.append(area)
                let owner = UInt16(placed.count)
                sprite.forEachMaskPixel(canvasWidth: side) { owners[$0] = owner }
                break
            }
        }
        if random.chance(0.15) { canvas.soften() }
        canvas.develop(
            grain: random.chance(0.5) ? random.uniform(0, 0.06) : 0, contrast: 1 + random.uniform(-0.25, 0.2),
            brightness: random.uniform(-0.1, 0.1), &random)
        let objects = try placed.enumerated().map { index, object in
            let owner = UInt16(index + 1)
            let (columns, rows) = parts[index]
            return Scene.Object(
                category: object.category, style: object.style, size: object.size,
                mask: try RunLengthMask(
                    height: side, width: side, columns: columns, rows: rows,
                    crop: rows.flatMap { row in
                        columns.map { owners[row * side + $0] == owner ? 1 : 0 }
                    }))
        }
        return Scene(canvas: canvas, objects: objects)
    }
}
