internal import CTorch

/// Settings and facts of libtorch as a whole.
public enum Runtime {
    /// libtorch's version, such as `2.13.0`.
    public static var version: String { String(cString: ct_version()) }

    /// The vector instructions that libtorch's own kernels use here: `DEFAULT`, `AVX2`, `AVX512`.
    public static var cpuCapability: String { taken(ct_cpu_capability()) }

    /// The number of threads that one operator may use.
    public static var threadCount: Int { Int(ct_thread_count()) }

    /// Sets the number of threads that one operator may use, for the whole process.
    /// - Throws: ``TorchError`` when the count is not positive.
    public static func setThreadCount(_ count: Int) throws {
        guard count > 0 else {
            throw TorchError("setThreadCount", arguments: ["\(count)"], reason: "must be positive")
        }
        try check(ct_set_thread_count(Int32(clamping: count)), "setThreadCount", ["\(count)"])
    }

    /// Whether operators must give the same bits in every run; those that cannot throw.
    public static var isDeterministic: Bool { ct_deterministic() }

    /// Makes operators give the same bits in every run, for the whole process.
    public static func setDeterministic(_ deterministic: Bool) { ct_set_deterministic(deterministic) }

    /// Keeps up to `bytes` of the main memory of released large tensors for the next ones.
    ///
    /// Batches and training steps need the same blocks over and over, and the system hands out fresh memory slowly. The
    /// first call replaces the process's allocator of tensors; programs call it at their start, libraries leave it alone.
    /// 0 returns everything to the system: what is kept already goes at once.
    /// - Throws: ``TorchError`` when memory runs out.
    public static func keepMemory(bytes: Int = 1 << 30) throws {
        try check(ct_set_kept_memory(Int64(bytes)), "keepMemory", ["\(bytes) bytes"])
    }

    private static func taken(_ text: UnsafeMutablePointer<CChar>?) -> String {
        guard let text else { return "" }
        defer { ct_error_free(text) }
        return String(cString: text)
    }
}
