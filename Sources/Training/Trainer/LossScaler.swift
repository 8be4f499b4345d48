import Torch

/// Scales losses up before the backward pass of half precision, whose small gradients would underflow, and gradients down
/// after it (Micikevicius et al., 2018); PyTorch's `GradScaler`.
///
/// A step whose gradients overflow is left out and the scale halved; after 2000 steps without one it is doubled.
final class LossScaler {
    private static let growth = 2.0
    private static let backoff = 0.5
    private static let interval = 2000

    /// What losses are multiplied by.
    private(set) var scale: Double

    /// The steps since the scale has changed.
    private(set) var stepsSinceChange = 0

    private let device: Device

    /// A scaler of losses on a device.
    init(device: Device, scale: Double = 65_536) {
        self.device = device
        self.scale = scale
    }

    /// A loss times the scale.
    func scaled(_ loss: Tensor) throws -> Tensor { try loss * scale }

    /// Divides gradients by the scale.
    func unscale(_ gradients: [Tensor]) throws {
        try withoutGradients { try Tensor.multiplyInPlace(gradients, 1 / scale) }
    }

    /// Changes the scale as the gradients of a step ask for.
    /// - Parameter norm: Of the gradients after ``unscale(_:)``.
    /// - Returns: Whether the step is to be left out.
    func update(norm: Double) throws -> Bool {
        guard norm.isFinite else {
            scale *= Self.backoff
            stepsSinceChange = 0
            guard scale >= 1.0 / 65_536 else {
                throw TrainingError(
                    "run.precision",
                    "gradients overflow float16 at any scale of the loss; use float32 or bfloat16")
            }
            return true
        }
        stepsSinceChange += 1
        if stepsSinceChange == Self.interval {
            scale *= Self.growth
            stepsSinceChange = 0
        }
        return false
    }

    /// Continues from a checkpoint.
    func restore(scale: Double, stepsSinceChange: Int) {
        self.scale = scale
        self.stepsSinceChange = stepsSinceChange
    }
}
