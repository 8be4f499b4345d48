/// The norm of all gradients taken together as one vector.
/// - Returns: A tensor without dimensions; zero if there are no gradients.
/// - Throws: ``TorchError``.
public func gradientNorm(of parameters: [Parameter]) throws -> Tensor {
    let gradients = parameters.compactMap(\.grad)
    guard !gradients.isEmpty else { return try Tensor.zeros([]) }
    return try withoutGradients {
        try Tensor.stack(gradients.map { try $0.norm().to(.float32) }).norm()
    }
}

/// Scales all gradients down together if their total norm exceeds a bound, like `torch.nn.utils.clip_grad_norm_`.
/// - Parameters:
///   - bound: The maximum norm.
///   - knownNorm: The norm, if ``gradientNorm(of:)`` has already been called.
/// - Returns: The norm before clipping.
/// - Throws: ``TorchError``, also if the norm is not finite, which scaling cannot fix. Gradients are then unchanged.
@discardableResult
public func clipGradients(
    of parameters: [Parameter], maximumNorm bound: Double, knownNorm: Double? = nil
) throws -> Double {
    guard bound >= 0 else {
        throw TorchError("clipGradients", reason: "the maximum norm is \(bound); it must be at least 0")
    }
    let norm = try knownNorm ?? gradientNorm(of: parameters).item()
    guard norm.isFinite else {
        let culprits = try parameters.filter { parameter in
            try parameter.grad.map { try !$0.norm().item().isFinite } ?? false
        }
        throw TorchError(
            "clipGradients",
            reason: "the gradients' norm is \(norm); not finite: "
                + culprits.prefix(8).map(\.name).joined(separator: ", "))
    }
    let factor = Float(bound) / (Float(norm) + 1e-6)
    if factor < 1 {
        for gradient in parameters.compactMap(\.grad) { try gradient.multiplyInPlace(Double(factor)) }
    }
    return norm
}

/// Clamps every element of the gradients to the range from -bound to bound, like `torch.nn.utils.clip_grad_value_`.
/// - Throws: ``TorchError``, also for a bound below 0.
public func clipGradients(of parameters: [Parameter], maximumMagnitude bound: Double) throws {
    guard bound >= 0 else {
        throw TorchError("clipGradients", reason: "the maximum magnitude is \(bound); it must be at least 0")
    }
    for gradient in parameters.compactMap(\.grad) { try gradient.clampInPlace(min: -bound, max: bound) }
}
