internal import CTorch

/// Computes tensors outside libtorch and records how to compute their gradients.
///
/// ```swift
/// let y = try withCustomGradient("cube", of: [x]) {
///     [try x * x * x]
/// } backward: { gradients in
///     [try gradients[0].map { try $0 * x * x * 3 }]
/// }
/// ```
///
/// - Parameters:
///   - name: Shown in error messages.
///   - inputs: The tensors that gradients flow to. `backward` may capture them; it must not capture the outputs, which
///     hold `backward`.
///   - forward: Returns new tensors. Runs without recording.
///   - backward: Returns one gradient per input (`nil`: zero) from the gradients of the outputs (`nil`: zero). Runs
///     without recording, hence differentiable once; possibly on another thread, and on several at once if several
///     backward passes run through a retained graph.
/// - Returns: The outputs, part of the graph.
/// - Throws: The errors of `forward`; ``TorchError``. Errors of `backward` are thrown by the backward pass as
///   ``TorchError`` with the name.
public func withCustomGradient(
    _ name: String, of inputs: [Tensor], forward: () throws -> [Tensor],
    backward: @escaping @Sendable ([Tensor?]) throws -> [Tensor?]
) throws -> [Tensor] {
    let outputs = try withoutGradients(forward)
    let context = Unmanaged.passRetained(BackwardPass(run: backward))
    let inputHandles = inputs.map { Optional($0.handle) }
    let outputHandles = outputs.map { Optional($0.handle) }
    let error = ct_record_function(
        name, inputHandles, inputHandles.count, outputHandles, outputHandles.count, runBackward,
        { context in
            if let context { Unmanaged<BackwardPass>.fromOpaque(context).release() }
        }, context.toOpaque())
    try check(error, name, inputs.map(\.summary))
    withExtendedLifetime((inputs, outputs)) {}
    return outputs
}

private final class BackwardPass: Sendable {
    let run: @Sendable ([Tensor?]) throws -> [Tensor?]

    init(run: @escaping @Sendable ([Tensor?]) throws -> [Tensor?]) { self.run = run }
}

private func runBackward(
    context: UnsafeMutableRawPointer?, outputGradients: UnsafePointer<ct_tensor?>?, outputCount: Int,
    inputGradients: UnsafeMutablePointer<ct_tensor?>?, inputCount: Int
) -> ct_error? {
    guard let context, let inputGradients else { return failure("the backward pass has no context") }
    let pass = Unmanaged<BackwardPass>.fromOpaque(context).takeUnretainedValue()
    let gradients = UnsafeBufferPointer(start: outputGradients, count: outputCount).map { handle in
        handle.map { handle in
            ct_tensor_retain(handle)
            return Tensor(taking: handle)
        }
    }
    do {
        let results = try pass.run(gradients)
        guard results.count == inputCount else {
            return failure("the backward pass returned \(results.count) gradients for \(inputCount) inputs")
        }
        for (index, gradient) in results.enumerated() {
            if let gradient { ct_tensor_retain(gradient.handle) }
            inputGradients[index] = gradient?.handle
        }
        return nil
    } catch {
        return failure("\(error)")
    }
}

private func failure(_ message: String) -> ct_error? {
    var message = message
    return message.withUTF8 { bytes in
        bytes.withMemoryRebound(to: CChar.self) { ct_error_make($0.baseAddress, $0.count) }
    }
}
