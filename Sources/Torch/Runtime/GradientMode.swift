internal import CTorch

/// Runs `body` without recording operations for a backward pass.
///
/// The setting is per thread, hence `body` cannot suspend; it is restored when `body` returns or throws.
public func withoutGradients<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = ct_grad_mode()
    ct_set_grad_mode(false)
    defer { ct_set_grad_mode(before) }
    return try body()
}

/// Whether operations are recorded on this thread.
package var isRecordingGradients: Bool { ct_grad_mode() }

/// Whether autocast is on for tensors in main memory on this thread.
package var isAutocasting: Bool { ct_autocast_enabled(Device.Kind.cpu.code) }

/// The element type of autocast's products for tensors in main memory on this thread; nil if it is off.
package var autocastType: DType? {
    get throws {
        guard isAutocasting else { return nil }
        var code: Int32 = 0
        try check(ct_autocast_dtype(Device.Kind.cpu.code, &code), "autocast")
        return DType(code: code)
    }
}

/// Runs `body` with autocast: matrix products, convolutions and attention in the given type, losses in `float32`,
/// everything else in the type of its inputs. No manual conversion of tensors is needed.
///
/// The setting is per thread, hence `body` cannot suspend; it is restored when `body` returns or throws. Run the
/// backward pass outside.
/// - Parameters:
///   - dtype: `bfloat16` or `float16`; `nil` runs `body` with autocast off.
///   - device: The kind of device that computes: autocast is a setting of each kind.
///   - body: What runs.
/// - Throws: ``TorchError`` for devices without autocast; the errors of `body`.
public func withAutocast<Result>(
    _ dtype: DType?, device: Device.Kind = .cpu, _ body: () throws -> Result
) throws -> Result {
    let type = device.code
    let wasEnabled = ct_autocast_enabled(type)
    var dtypeBefore: Int32 = 0
    func set(enabled: Bool, dtype: Int32) throws {
        try check(ct_set_autocast_enabled(type, enabled), "withAutocast", [device.rawValue])
        try check(ct_set_autocast_dtype(type, dtype), "withAutocast", [device.rawValue])
    }
    try check(ct_autocast_dtype(type, &dtypeBefore), "withAutocast", [device.rawValue])
    try set(enabled: dtype != nil, dtype: dtype.map { Int32($0.code.rawValue) } ?? dtypeBefore)
    ct_autocast_enter()
    let result = Swift.Result { try body() }
    ct_autocast_leave()
    try set(enabled: wasEnabled, dtype: dtypeBefore)
    return try result.get()
}
