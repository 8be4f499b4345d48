/// Where and how a drawing is placed on a canvas.
struct Placement: Sendable {
    /// The center of the drawing in pixels of the canvas.
    var x: Float
    var y: Float
    /// The longest side of the upright drawing in pixels.
    var size: Float
    /// Clockwise, in radians.
    var angle: Float = 0
    /// The horizontal stretch.
    var aspect: Float = 1
}

/// A change of a drawing's colors.
struct ColorShift: Sendable {
    /// The saturation: 0 is gray, 1 is unchanged.
    var saturation: Float = 1
    /// Factors of red, green and blue.
    var gain = SIMD4<Float>(repeating: 1)
    /// The offset added to all channels.
    var offset: Float = 0

    /// A random shift of up to `strength` (0 to 1).
    static func random(_ strength: Float, _ random: inout RandomStream) -> ColorShift {
        let gain = 1 + random.uniform(-0.25, 0.25) * strength
        func channel() -> Float { gain * (1 + random.uniform(-0.12, 0.12) * strength) }
        return ColorShift(
            saturation: 1 + random.uniform(-0.5, 0.3) * strength,
            gain: SIMD4(channel(), channel(), channel(), 1),
            offset: random.uniform(-0.12, 0.12) * strength)
    }
}
