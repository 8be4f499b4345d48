/// Where and how a drawing is laid on a canvas.
struct Placement: Sendable {
    /// The middle of the drawing in pixels of the canvas.
    var x: Float
    var y: Float
    /// The longest side of the upright drawing in pixels.
    var size: Float
    /// Clockwise, in radians.
    var angle: Float = 0
    /// How much wider than drawn.
    var aspect: Float = 1
}

/// How a drawing's colours are changed.
struct ColorShift: Sendable {
    /// 0 is grey, 1 as drawn.
    var saturation: Float = 1
    /// Factors of red, green and blue.
    var gain = SIMD4<Float>(repeating: 1)
    /// What is added.
    var offset: Float = 0

    /// A shift of up to `strength` (0 to 1).
    static func random(_ strength: Float, _ random: inout RandomStream) -> ColorShift {
        let gain = 1 + random.uniform(-0.25, 0.25) * strength
        func channel() -> Float { gain * (1 + random.uniform(-0.12, 0.12) * strength) }
        return ColorShift(
            saturation: 1 + random.uniform(-0.5, 0.3) * strength,
            gain: SIMD4(channel(), channel(), channel(), 1),
            offset: random.uniform(-0.12, 0.12) * strength)
    }
}
