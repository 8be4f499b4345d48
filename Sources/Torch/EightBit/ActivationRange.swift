/// The range of numbers that a layer's input is cut off at, so that 256 steps cover it.
package struct ActivationRange: Sendable, Hashable, Codable {
    /// The lowest number, at most 0, of an input divided by ``smoothing``.
    package var low: Float

    /// The highest number, above ``low``.
    package var high: Float

    /// What each channel of the input is divided by before it becomes bytes, and the weights are multiplied by; nil: nothing.
    ///
    /// A few channels of a transformer are many times larger than all others, which would be left with a few steps (Xiao et
    /// al., "SmoothQuant", 2023).
    package var smoothing: [Float]?

    /// Creates a range.
    package init(low: Float, high: Float, smoothing: [Float]? = nil) {
        self.low = low
        self.high = high
        self.smoothing = smoothing
    }

    /// The distance between two steps.
    package var step: Float { (high - low) / 255 }

    /// The byte that stands for zero, so that padding is exact.
    package var zero: Int { min(max(Int((-low / step).rounded()), 0), 255) }

    /// Whether bytes can be made with it.
    package var isUsable: Bool {
        low.isFinite && high.isFinite && low <= 0 && high > 0 && step > 0 && step.isNormal
            && (smoothing?.allSatisfy { $0.isNormal && $0 > 0 } ?? true)
    }
}
