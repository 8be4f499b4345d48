internal import CTorch
import Foundation
import Support

/// Global settings and properties of libtorch.
public enum Runtime {
    /// libtorch's version, such as `2.13.0`.
    public static var version: String { String(cString: ct_version()) }

    /// The vector instructions that libtorch's own kernels use here: `DEFAULT`, `AVX2`, `AVX512`.
    public static var cpuCapability: String { taken(ct_cpu_capability()) }

    /// The maximum number of threads per operator.
    public static var threadCount: Int { Int(ct_thread_count()) }

    /// Sets the maximum number of threads per operator, for the whole process.
    /// - Throws: ``TorchError`` if the count is not positive.
    public static func setThreadCount(_ count: Int) throws {
        guard count > 0 else {
            throw TorchError("setThreadCount", arguments: ["\(count)"], reason: "must be positive")
        }
        try check(ct_set_thread_count(Int32(clamping: count)), "setThreadCount", ["\(count)"])
    }

    /// Whether operators are bit-reproducible between runs; operators without a deterministic implementation throw.
    public static var isDeterministic: Bool { ct_deterministic() }

    /// Makes operators bit-reproducible between runs, for the whole process.
    ///
    /// On CUDA matrix products need `CUBLAS_WORKSPACE_CONFIG` in the environment; this sets it if it is missing, which works
    /// before the first computation on a GPU.
    public static func setDeterministic(_ deterministic: Bool) {
        if deterministic { setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0) }
        ct_set_deterministic(deterministic)
    }

    /// Allows or forbids TF32 (ten bits of mantissa) for `float32` products and convolutions on NVIDIA GPUs, which is several
    /// times faster. For the whole process; libtorch's default allows it for convolutions only.
    public static func setTensorFloat32(_ allowed: Bool) { ct_set_tensor_float(allowed) }

    /// Whether both products and convolutions may use TF32.
    public static var allowsTensorFloat32: Bool { ct_tensor_float() }

    /// Lets cuDNN benchmark its algorithms for every new shape of a convolution, for the whole process.
    ///
    /// Worthwhile for few shapes; the choice, and with it the last bits, may differ between runs.
    public static func setConvolutionTuning(_ tunes: Bool) { ct_set_benchmark(tunes) }

    /// Whether cuDNN benchmarks its algorithms.
    public static var tunesConvolutions: Bool { ct_benchmark() }

    /// Keeps up to `bytes` of the main memory of released large tensors for reuse.
    ///
    /// Batches and training steps need blocks of the same sizes repeatedly, and the system is slow to provide fresh
    /// memory. Blocks that are kept make the process at most 128 MiB larger than its large tensors did at their largest.
    /// The first call replaces the process's tensor allocator; programs call it at launch, libraries should
    /// not. 0 returns all kept memory to the system at once.
    /// - Throws: ``TorchError`` if it runs out of memory.
    public static func keepMemory(bytes: Int = 1 << 30) throws {
        try check(ct_set_kept_memory(Int64(bytes)), "keepMemory", ["\(bytes) bytes"])
    }

    /// Returns kept memory to the system, before work that needs much of it outside of tensors. What is released afterwards
    /// is kept as before.
    /// - Throws: ``TorchError``.
    public static func releaseKeptMemory() throws {
        try check(ct_release_kept_memory(), "releaseKeptMemory", [])
    }

    private static func taken(_ text: UnsafeMutablePointer<CChar>?) -> String {
        guard let text else { return "" }
        defer { ct_error_free(text) }
        return String(cString: text)
    }
}

extension StageProfile {
    /// Nothing measured yet of work on a device: it is waited for at the end of each stage, whose peak of memory is kept.
    package convenience init(on device: Device) {
        guard !device.isProcessor else {
            self.init()
            return
        }
        self.init(
            AsynchronousDevice(
                synchronize: { try? device.synchronize() },
                peakBytes: {
                    defer { try? device.resetPeakMemory() }
                    return device.memory?.peak
                }))
    }
}
