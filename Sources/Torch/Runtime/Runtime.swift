internal import CTorch

/// Settings and facts of libtorch as a whole.
public enum Runtime {
    /// libtorch's version, such as `2.13.0`.
    public static var version: String { String(cString: ct_version()) }

    /// How libtorch was built: compiler, BLAS, oneDNN, devices.
    public static var buildConfiguration: String { taken(ct_build_configuration()) }

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

    /// Sets how much main memory is kept when large tensors go, for those that come next; 1 GiB unless this is called.
    ///
    /// Batches and training steps need the same blocks over and over, and the system hands out fresh memory slowly. Give
    /// 0 to return everything to the system: what is kept already goes at once.
    public static func setKeptMemory(bytes: Int) { ct_set_kept_memory(Int64(bytes)) }

    private static func taken(_ text: UnsafeMutablePointer<CChar>?) -> String {
        guard let text else { return "" }
        defer { ct_error_free(text) }
        return String(cString: text)
    }
}
