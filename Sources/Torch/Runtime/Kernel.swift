internal import CTorch
import Synchronization

/// Calls this package's C kernels: memory that lives as long as a call, and loops over libtorch's threads.
///
/// ```swift
/// let result = try Tensor.empty([count, width])
/// try Kernel.call { memory in
///     let (source, target) = try (memory.floats(of: rows), memory.floats(of: result))
///     try Kernel.run(rows: count) { begin, end in ck_something(source, target, begin, end) }
/// }
/// ```
package enum Kernel {
    /// Calls `body` with memory that stays valid until `body` returns.
    package static func call<Result>(_ body: (KernelMemory) throws -> Result) rethrows -> Result {
        let memory = KernelMemory()
        defer { withExtendedLifetime(memory) {} }
        return try body(memory)
    }

    /// Splits 0..<rows over libtorch's threads and calls `body` with each part, begin..<end, from several threads at
    /// once: parts must write to disjoint memory. Nested calls run on the thread of their part.
    /// - Parameter grain: The minimum number of rows per thread.
    /// - Throws: The error of the first part that fails, after all parts have ended; ``TorchError``.
    package static func run(
        rows: Int, grain: Int = 1, _ body: (_ begin: Int64, _ end: Int64) throws -> Void
    ) throws {
        guard rows > 0 else { return }
        try withoutActuallyEscaping(body) { body in
            let loop = Loop(body: body)
            try check(
                ct_parallel_for(
                    0, Int64(rows), Int64(max(grain, 1)),
                    { context, begin, end in
                        guard let context else { return }
                        Unmanaged<Loop>.fromOpaque(context).takeUnretainedValue().run(begin, end)
                    }, Unmanaged.passUnretained(loop).toOpaque()), "parallel loop")
            if let failure = loop.failure.withLock({ $0 }) { throw failure }
        }
    }

    /// The elements returned by `body` for the parts of 0..<rows, in order; see ``run(rows:grain:_:)``.
    package static func map<Element>(
        rows: Int, grain: Int = 1, _ body: (Range<Int>) throws -> [Element]
    ) throws -> [Element] {
        let parts = Parts<Element>()
        try run(rows: rows, grain: grain) { begin, end in
            let elements = try body(Int(begin)..<Int(end))
            parts.lock.withLock { _ in parts.list.append((Int(begin), elements)) }
        }
        return parts.list.sorted { $0.begin < $1.begin }.flatMap(\.elements)
    }

    private final class Loop {
        let body: (Int64, Int64) throws -> Void
        let failure = Mutex<(any Error)?>(nil)

        init(body: @escaping (Int64, Int64) throws -> Void) { self.body = body }

        func run(_ begin: Int64, _ end: Int64) {
            do { try body(begin, end) } catch { failure.withLock { $0 = $0 ?? error } }
        }
    }

    private final class Parts<Element> {
        let lock = Mutex(())
        var list: [(begin: Int, elements: [Element])] = []
    }
}

/// The memory behind the pointers of a kernel call; created by ``Kernel/call(_:)``.
package final class KernelMemory {
    private var tensors: [Tensor] = []
    private var blocks: [UnsafeMutableRawPointer] = []

    fileprivate init() {}

    deinit { for block in blocks { block.deallocate() } }

    /// The first element of a tensor in main memory.
    /// - Throws: ``TorchError`` if the tensor is not in main memory.
    package func pointer(to tensor: Tensor) throws -> UnsafeMutableRawPointer {
        tensors.append(tensor)
        return try tensor.withPointer { $0 }
    }

    /// The elements of a `float32` tensor in main memory.
    /// - Throws: ``TorchError`` if the tensor is not in main memory or has a different type.
    package func floats(of tensor: Tensor) throws -> UnsafeMutablePointer<Float> {
        try elements(of: tensor, .float32)
    }

    /// The elements of an `int64` tensor in main memory.
    /// - Throws: ``TorchError`` if the tensor is not in main memory or has a different type.
    package func integers(of tensor: Tensor) throws -> UnsafeMutablePointer<Int64> {
        try elements(of: tensor, .int64)
    }

    /// The elements of a tensor of bytes or Booleans in main memory.
    /// - Throws: ``TorchError`` if the tensor is not in main memory or has a different type.
    package func bytes(of tensor: Tensor) throws -> UnsafeMutablePointer<UInt8> {
        try elements(of: tensor, .uint8, .bool)
    }

    private func elements<Element>(of tensor: Tensor, _ dtypes: DType...) throws -> UnsafeMutablePointer<
        Element
    > {
        guard try dtypes.contains(tensor.dtype) else {
            throw TorchError(
                "kernel", arguments: [tensor.summary], reason: "the elements must be \(dtypes[0])")
        }
        return try pointer(to: tensor).assumingMemoryBound(to: Element.self)
    }

    /// A copy of elements.
    package func copy<Element: BitwiseCopyable>(of elements: some Collection<Element>)
        -> UnsafeMutablePointer<
            Element
        >
    {
        let block = UnsafeMutableBufferPointer<Element>.allocate(capacity: max(elements.count, 1))
        _ = block.initialize(fromContentsOf: elements)
        return kept(block)
    }

    /// Memory for a number of elements, all of them zero.
    package func zeros<Element: BitwiseCopyable & AdditiveArithmetic>(
        _ count: Int, of type: Element.Type = Element.self
    ) -> UnsafeMutablePointer<Element> {
        let block = UnsafeMutableBufferPointer<Element>.allocate(capacity: max(count, 1))
        // Numbers of zero bytes are zero. One element at a time costs more than the kernel where this function is not
        // specialized, as in other modules.
        UnsafeMutableRawBufferPointer(block).initializeMemory(as: UInt8.self, repeating: 0)
        return kept(block)
    }

    private func kept<Element>(_ block: UnsafeMutableBufferPointer<Element>) -> UnsafeMutablePointer<Element>
    {
        let start = UnsafeMutableRawPointer(block.baseAddress.unsafelyUnwrapped)
        blocks.append(start)
        return start.assumingMemoryBound(to: Element.self)
    }
}
