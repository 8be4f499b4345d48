internal import CTorch

/// A copy of a tensor on its way to a GPU, beside what is computed there.
///
/// CUDA runs the copies of pinned memory on a stream of their own. On devices without streams, and to the processor, the
/// tensor is moved when it is asked for.
package final class Upload: @unchecked Sendable {
    private let source: Tensor
    private let device: Device
    private let handle: ct_upload?

    /// Begins the copy; a tensor of pageable memory is copied to pinned memory first.
    /// - Throws: ``TorchError``, for example if the device's memory is full.
    package init(_ tensor: Tensor, to device: Device) throws {
        self.device = device
        guard tensor.device.isProcessor, device.copiesAsynchronously else {
            (source, handle) = (tensor, nil)
            return
        }
        source = try tensor.pinned()
        var handle: ct_upload?
        try check(
            ct_upload_begin(source.handle, device.code, &handle), "Upload", [tensor.summary, "\(device)"])
        self.handle = handle
    }

    deinit { ct_upload_release(handle) }

    /// The tensor on the device. What this thread computes there from now on waits for the copy; the program does not.
    /// - Throws: ``TorchError``.
    package func tensor() throws -> Tensor {
        guard let handle else { return try source.to(device: device) }
        var copy: ct_tensor?
        try check(ct_upload_await(handle, &copy), "Upload", [source.summary, "\(device)"])
        guard let copy else { throw TorchError("Upload", reason: "there is no copy") }
        return Tensor(taking: copy)
    }
}
