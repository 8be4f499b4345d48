import Support

/// Draws the pictures that the vision-language model is trained and tested on: one named object, possibly with others.
struct PictureSampler: Sendable {
    /// The drawings; labels are indices of their categories.
    let glyphs: GlyphSet

    /// The object's longest side, as a share of the picture's, at full difficulty.
    var sizes: ClosedRange<Float> = 0.25...1.35

    /// The share of pictures that show other objects too, at full difficulty.
    var othersShare: Float = 0.65

    /// The share of pictures that look like regions of scenes, at full difficulty: objects partly hidden by close
    /// neighbors, and half of the pictures with a lower resolution than their number of pixels.
    var regionShare: Float = 0

    /// Draws a picture.
    /// - Parameters:
    ///   - difficulty: From 0, large upright objects on plain colors, to 1.
    ///   - side: The side of the picture in pixels.
    func picture(category: Int, style: Int, side: Int, difficulty: Float, _ random: inout RandomStream)
        -> Canvas
    {
        // Without regions, no random number is drawn for them, which keeps the streams of older plans unchanged.
        let isRegion = regionShare > 0 && random.chance(regionShare * difficulty)
        let wanted = side
        let side =
            isRegion && random.chance(0.5)
            ? max(Int(Float(wanted) / random.logUniform(1, Self.enlargement)), 24) : wanted
        var canvas = Background.canvas(
            width: side, height: side, richness: 0.2 + 0.8 * difficulty, &random)
        let frame = Float(side)
        func between(_ easy: Float, _ hard: Float) -> Float { easy + (hard - easy) * difficulty }
        let size = frame * random.logUniform(between(0.85, sizes.lowerBound), between(1, sizes.upperBound))
        let hasOthers = isRegion || random.chance(othersShare * difficulty)
        let others = hasOthers ? 1 + random.index(4) : 0
        // Among others, the object in the middle is the named one, as a region is centered on its object.
        let freedom = max(abs(frame - size) / 2, 0.04 * frame)
        let reach = others > 0 ? min(freedom, 0.12 * frame) : freedom
        let target = placement(
            x: frame / 2 + random.uniform(-reach, reach), y: frame / 2 + random.uniform(-reach, reach),
            size: size,
            difficulty, &random)

        var before: [Sprite] = []
        var after: [Sprite] = []
        for _ in 0..<others {
            var otherSize = random.logUniform(0.3, 1.1) * min(size, 0.9 * frame)
            let angle = random.uniform(0, 2 * .pi)
            let isBehind = random.chance(isRegion ? 0.5 : 0.7)
            var closest: Float = isBehind || isRegion ? 0.65 : 0.9
            if isRegion && isBehind {
                // In scenes, small objects are drawn on top of large ones.
                otherSize *= random.logUniform(1, 2.5)
                closest = 0.2
            }
            let distance = (size + otherSize) * 0.5 * random.uniform(closest, 1.3)
            let place = placement(
                x: target.x + distance * cos(angle), y: target.y + distance * sin(angle), size: otherSize,
                difficulty, &random)
            let glyph = glyphs.glyph(
                style: random.index(glyphs.styles.count), category: random.index(glyphs.categories.count))
            let sprite = self.sprite(glyph, place, side: side, difficulty, &random)
            if isBehind { before.append(sprite) } else { after.append(sprite) }
        }
        for sprite in before { canvas.blend(sprite) }
        canvas.blend(
            sprite(glyphs.glyph(style: style, category: category), target, side: side, difficulty, &random))
        for sprite in after { canvas.blend(sprite) }
        if random.chance(0.15 * difficulty) { canvas.soften() }
        canvas.develop(
            grain: random.chance(0.5) ? random.uniform(0, 0.06) * difficulty : 0,
            contrast: 1 + random.uniform(-0.25, 0.2) * difficulty,
            brightness: random.uniform(-0.1, 0.1) * difficulty, &random)
        return side == wanted ? canvas : canvas.enlarged(width: wanted, height: wanted)
    }

    /// The maximum enlargement of regions of scenes.
    private static let enlargement: Float = 3

    private func placement(x: Float, y: Float, size: Float, _ difficulty: Float, _ random: inout RandomStream)
        -> Placement
    {
        Placement(
            x: x, y: y, size: size, angle: random.uniform(-0.45, 0.45) * difficulty,
            aspect: 1 + random.uniform(-0.15, 0.18) * difficulty)
    }

    private func sprite(
        _ glyph: Glyph, _ placement: Placement, side: Int, _ difficulty: Float, _ random: inout RandomStream
    ) -> Sprite {
        Sprite(
            glyph, placement, .random(difficulty, &random), canvasWidth: side, canvasHeight: side)
    }
}
