import Synchronization

/// What was seen of a layer's input while pictures went through the network.
final class ActivationRecord: Sendable {
    private struct Seen {
        /// The lowest and the highest number of each channel, [C].
        var low: Tensor
        var high: Tensor
        /// Some of the rows, [rows, C] each.
        var rows: [Tensor]
    }

    private let seen = Mutex<Seen?>(nil)

    /// Numbers that are kept of each input, to choose the range by.
    private static let sampleSize = 8_192

    /// The shares of the whole range that are tried: a few large numbers may cost all others their precision.
    private static let shares: [Float] = [1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.6, 0.5, 0.4, 0.3]

    /// Adds an input.
    /// - Parameter rows: [rows, C].
    func add(_ rows: Tensor) throws {
        guard rows.count > 0 else { return }
        let rows = try rows.to(.float32)
        let (low, high) = try (rows.min(over: [0]), rows.max(over: [0]))
        let step = max(rows.count / Self.sampleSize, 1)
        let sample = try rows[TensorIndex.every(min(step, rows.shape[0]))].clone(.contiguous)
        try seen.withLock { seen in
            guard let before = seen else {
                seen = Seen(low: low, high: high, rows: [sample])
                return
            }
            seen = Seen(
                low: try .minimum(before.low, low), high: try .maximum(before.high, high),
                rows: before.rows + [sample])
        }
    }

    /// The range that loses the least of what was seen; nil if nothing was, or nothing but zeros.
    /// - Parameter weightPeaks: The largest absolute weight of each input channel, [C].
    func range(weightPeaks: Tensor) throws -> ActivationRange? {
        guard let seen = seen.withLock({ $0 }) else { return nil }
        var (low, high) = (seen.low, seen.high)
        var sample = try Tensor.cat(seen.rows)
        var smoothing: [Float]?
        // What was rectified has no channels that dwarf others in both directions, and is made by the layer before.
        if try low.min().item() < 0 {
            let factors = try Self.smoothing(.maximum(low.abs(), high.abs()), weightPeaks)
            smoothing = try factors.array(of: Float.self)
            (low, high, sample) = try (low / factors, high / factors, sample / factors)
        }
        let whole = ActivationRange(
            low: min(Float(try low.min().item()), 0), high: max(Float(try high.max().item()), 0),
            smoothing: smoothing)
        let ranges = Self.shares.map {
            ActivationRange(low: whole.low * $0, high: whole.high * $0, smoothing: smoothing)
        }
        .filter(\.isUsable)
        let losses = try ranges.map { try Self.loss(sample, $0) }
        return zip(ranges, losses).min { $0.1 < $1.1 }?.0
    }

    /// Factors by which inputs and weights have peaks of the same share.
    private static func smoothing(_ peaks: Tensor, _ weightPeaks: Tensor) throws -> Tensor {
        let factors = try (peaks.clamped(min: 1e-5) / weightPeaks.clamped(min: 1e-5)).sqrt()
        return try (factors / factors.log().mean().exp()).clamped(min: 1e-3, max: 1e3)
    }

    /// The mean square of what is lost.
    private static func loss(_ sample: Tensor, _ range: ActivationRange) throws -> Double {
        let (step, zero) = (Double(range.step), Double(range.zero))
        let kept = try (sample / step + zero).rounded().clamped(min: 0, max: 255)
        return try ((kept - zero) * step - sample).square().mean().item()
    }
}
