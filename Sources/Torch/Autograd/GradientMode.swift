internal import CTorch

/// Runs `body` without recording operations for a backward pass.
///
/// The setting belongs to the thread, hence `body` cannot suspend; it is restored when `body` returns or throws.
public func withoutGradients<Result>(_ body: () throws -> Result) rethrows -> Result {
    try withGradientMode(false, body)
}

/// Runs `body` recording operations, inside of ``withoutGradients(_:)``.
public func withGradients<Result>(_ body: () throws -> Result) rethrows -> Result {
    try withGradientMode(true, body)
}

/// Whether operations are being recorded on this thread.
public var isRecordingGradients: Bool { ct_grad_mode() }

/// Whether products of tensors in main memory are cast automatically on this thread.
public var isAutocasting: Bool { ct_autocast_enabled(Device.Kind.cpu.code) }

private func withGradientMode<Result>(_ enabled: Bool, _ body: () throws -> Result) rethrows -> Result {
    let before = ct_grad_mode()
    ct_set_grad_mode(enabled)
    defer { ct_set_grad_mode(before) }
    return try body()
}

/// Runs `body` with automatic casts: matrix products, convolutions and attention in the given type, losses in `float32`,
/// everything else in the type of its inputs. Tensors need not be converted by hand.
///
/// The setting belongs to the thread, hence `body` cannot suspend; it is restored when `body` returns or throws. Run
/// the backward pass outside.
/// - Parameter dtype: `bfloat16`; `nil` runs `body` with casts off.
public func withAutocast<Result>(
    _ dtype: DType?, device: Device.Kind = .cpu, _ body: () throws -> Result
) rethrows -> Result {
    let type = device.code
    let (wasEnabled, dtypeBefore) = (ct_autocast_enabled(type), ct_autocast_dtype(type))
    ct_set_autocast_enabled(type, dtype != nil)
    if let dtype { ct_set_autocast_dtype(type, Int32(dtype.code.rawValue)) }
    ct_autocast_enter()
    defer {
        ct_autocast_leave()
        ct_set_autocast_enabled(type, wasEnabled)
        ct_set_autocast_dtype(type, dtypeBefore)
    }
    return try body()
}
