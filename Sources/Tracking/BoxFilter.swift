/// A Kalman filter over the four edges of a box, each with a velocity of its own.
///
/// All noise is the same for the four edges and independent between them, so the 8 x 8 covariance of the usual form is
/// one 2 x 2 covariance of position and velocity that the edges share; the results are the same.
struct BoxFilter: Sendable, Codable {
    /// Edges: left, top, right, bottom.
    private(set) var positions: SIMD4<Double>

    /// Pixels a nominal frame.
    private(set) var velocities = SIMD4<Double>()

    private var positionVariance = 1.0
    private var covariance = 0.0
    private var velocityVariance = 1.0

    private static let processNoise = 0.01
    private static let measurementNoise = 0.1

    init(_ box: TrackedBox) { positions = SIMD4(box.left, box.top, box.right, box.bottom) }

    /// The box as the filter believes it to be.
    var box: TrackedBox {
        TrackedBox(left: positions[0], top: positions[1], right: positions[2], bottom: positions[3])
    }

    /// Moves on by a time in nominal frames.
    mutating func predict(_ time: Double) {
        positions += velocities * time
        positionVariance += 2 * time * covariance + time * time * velocityVariance + Self.processNoise * time
        covariance += time * velocityVariance
        velocityVariance += Self.processNoise * time
    }

    /// Takes in a measured box.
    mutating func update(_ box: TrackedBox) {
        let measured = SIMD4(box.left, box.top, box.right, box.bottom)
        let innovation = positionVariance + Self.measurementNoise
        let gain = (positionVariance / innovation, covariance / innovation)
        let residual = measured - positions
        positions += residual * gain.0
        velocities += residual * gain.1
        // Joseph's form, which keeps the covariance positive: (I - K H) P (I - K H)' + K R K'.
        let keep = 1 - gain.0
        let (p, c, v) = (positionVariance, covariance, velocityVariance)
        positionVariance = keep * keep * p + gain.0 * gain.0 * Self.measurementNoise
        covariance = keep * (c - gain.1 * p) + gain.0 * gain.1 * Self.measurementNoise
        velocityVariance = v - 2 * gain.1 * c + gain.1 * gain.1 * p + gain.1 * gain.1 * Self.measurementNoise
    }
}
