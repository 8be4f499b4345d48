internal import CTorch

/// Computes tensors outside libtorch and records how their gradients are found.
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
///   - inputs: The tensors that gradients flow to. `backward` may keep them; it must not keep the outputs, which
///     keep `backward`.
///   - forward: Gives new tensors. Runs without recording.
///   - backward: From the gradients of the outputs (`nil`: zero) gives one for each input (`nil`: zero). Runs without
///     recording, hence once differentiable; possibly on another thread, and on several at once when several backward
///     passes go through a graph that is retained.
/// - Returns: The outputs, part of the graph.
/// - Throws: What `forward` throws; ``TorchError``. What `backward` throws comes out of the backward pass as
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
            return failure("the backward pass gave \(results.count) gradients for \(inputCount) inputs")
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
