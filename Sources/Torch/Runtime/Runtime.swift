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

    /// Splits a range over libtorch's threads. `body` is called with parts of it, at once from several threads.
    ///
    /// Calls from inside `body` run on the calling thread.
    /// - Parameter grain: The least number of elements that are worth a thread.
    public static func parallel(_ range: Range<Int>, grain: Int = 1, _ body: @Sendable (Range<Int>) -> Void) {
        guard !range.isEmpty else { return }
        withoutActuallyEscaping(body) { body in
            var box = Body(run: body)
            withUnsafeMutablePointer(to: &box) { context in
                ct_error_free(
                    ct_parallel_for(
                        Int64(range.lowerBound), Int64(range.upperBound), Int64(max(grain, 1)),
                        { context, begin, end in
                            guard let context else { return }
                            context.assumingMemoryBound(to: Body.self).pointee.run(Int(begin)..<Int(end))
                        }, context))
            }
        }
    }

    private struct Body {
        let run: @Sendable (Range<Int>) -> Void
    }

    private static func taken(_ text: UnsafeMutablePointer<CChar>?) -> String {
        guard let text else { return "" }
        defer { ct_error_free(text) }
        return String(cString: text)
    }
}
