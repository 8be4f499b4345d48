/// The length of all gradients taken together as one vector.
/// - Returns: A tensor without dimensions; zero when there are no gradients.
/// - Throws: ``TorchError``.
public func gradientNorm(of parameters: [Parameter]) throws -> Tensor {
    try norm(of: parameters.compactMap(\.grad))
}

/// Scales all gradients down together where their common length is above a bound, as
/// `torch.nn.utils.clip_grad_norm_`.
/// - Returns: The length before.
/// - Throws: ``TorchError``; also when the length is not finite, which scaling cannot mend. Gradients are then as they
///   were.
@discardableResult
public func clipGradients(of parameters: [Parameter], maximumNorm: Double) throws -> Double {
    let gradients = parameters.compactMap(\.grad)
    let length = try norm(of: gradients)
    let value = try length.item()
    guard value.isFinite else {
        let culprits = try parameters.filter { parameter in
            try parameter.grad.map { try !$0.norm().item().isFinite } ?? false
        }
        throw TorchError(
            "clipGradients",
            reason: "the gradients' norm is \(value); not finite: "
                + culprits.prefix(8).map(\.name).joined(separator: ", "))
    }
    let factor = try (maximumNorm / (length + 1e-6)).clamped(max: 1.0)
    for gradient in gradients { try gradient.multiplyInPlace(factor) }
    return value
}

/// Moves every element of the gradients into -bound to bound, as `torch.nn.utils.clip_grad_value_`.
/// - Throws: ``TorchError``.
public func clipGradients(of parameters: [Parameter], maximumMagnitude bound: Double) throws {
    for gradient in parameters.compactMap(\.grad) { try gradient.clampInPlace(min: -bound, max: bound) }
}

private func norm(of gradients: [Tensor]) throws -> Tensor {
    guard !gradients.isEmpty else { return try Tensor.zeros([]) }
    return try withoutGradients {
        try Tensor.stack(gradients.map { try $0.norm().to(.float32) }).norm()
    }
}
