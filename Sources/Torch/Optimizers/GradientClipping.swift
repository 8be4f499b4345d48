/// The norm of all gradients taken together as one vector.
/// - Returns: A tensor without dimensions; zero if there are no gradients.
/// - Throws: ``TorchError``.
public func gradientNorm(of parameters: [Parameter]) throws -> Tensor {
    let gradients = parameters.compactMap(\.grad)
    guard !gradients.isEmpty else { return try Tensor.zeros([]) }
    return try withoutGradients {
        try Tensor.stack(Tensor.norms(gradients).map { try $0.to(.float32) }).norm()
    }
}

/// The parameters whose gradient contains infinities or NaN.
/// - Throws: ``TorchError``.
package func parametersWithBrokenGradients(_ parameters: [Parameter]) throws -> [Parameter] {
    let entries = parameters.compactMap { parameter in parameter.grad.map { (parameter, $0) } }
    guard !entries.isEmpty else { return [] }
    let norms = try withoutGradients {
        try Tensor.stack(Tensor.norms(entries.map(\.1)).map { try $0.to(.float32) }).array(of: Float.self)
    }
    return zip(entries, norms).filter { !$1.isFinite }.map(\.0.0)
}

/// Scales all gradients down together if their total norm exceeds a bound, like `torch.nn.utils.clip_grad_norm_`.
/// - Parameters:
///   - parameters: The parameters whose gradients are scaled.
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
        let culprits = try parametersWithBrokenGradients(parameters)
        throw TorchError(
            "clipGradients",
            reason: "the gradients' norm is \(norm); not finite: "
                + culprits.prefix(8).map(\.name).joined(separator: ", "))
    }
    let factor = Float(bound) / (Float(norm) + 1e-6)
    if factor < 1 {
        try Tensor.multiplyInPlace(parameters.compactMap(\.grad), Double(factor))
    }
    return norm
}

/// Clamps every element of the gradients to the range from -bound to bound, like `torch.nn.utils.clip_grad_value_`.
/// - Throws: ``TorchError``, also for a bound below 0.
public func clipGradients(of parameters: [Parameter], maximumMagnitude bound: Double) throws {
    guard bound >= 0 else {
        throw TorchError("clipGradients", reason: "the maximum magnitude is \(bound); it must be at least 0")
    }
    try Tensor.clampInPlace(parameters.compactMap(\.grad), min: -bound, max: bound)
}
