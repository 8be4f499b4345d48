import Support

/// A run of bytes that contains tensors, with the owner that keeps the bytes alive.
///
/// Bytes of a file are mapped copy-on-write: they may be modified in memory, and the file stays unchanged. If another
/// process shortens a file while it is mapped, access ends this process, as with any mapped file; replace weight files
/// by renaming, as the writers here do.
public final class TensorStorage: @unchecked Sendable {
    // Sendable as memory is: distinct tasks must not write to the same bytes at the same time.

    /// The first byte. Valid as long as this object lives. Not necessarily aligned for the element type.
    public let pointer: UnsafeMutableRawPointer

    /// The number of bytes.
    public let byteCount: Int

    private let owner: AnyObject?
    private let release: (@Sendable (UnsafeMutableRawPointer, Int) -> Void)?

    /// Creates a storage of bytes that belong to `owner`, which is retained.
    public init(pointer: UnsafeMutableRawPointer, byteCount: Int, owner: AnyObject) {
        self.pointer = pointer
        self.byteCount = byteCount
        self.owner = owner
        release = nil
    }

    private init(
        pointer: UnsafeMutableRawPointer, byteCount: Int,
        release: @escaping @Sendable (UnsafeMutableRawPointer, Int) -> Void
    ) {
        self.pointer = pointer
        self.byteCount = byteCount
        self.owner = nil
        self.release = release
    }

    deinit { release?(pointer, byteCount) }

    /// Creates a storage of `byteCount` bytes of new memory, aligned to 64 bytes, filled by `body`.
    public convenience init(
        byteCount: Int, initializingWith body: (UnsafeMutableRawBufferPointer) throws -> Void
    ) rethrows {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(byteCount, 1), alignment: 64)
        do {
            try body(UnsafeMutableRawBufferPointer(start: memory, count: byteCount))
        } catch {
            memory.deallocate()
            throw error
        }
        self.init(pointer: memory, byteCount: byteCount) { pointer, _ in pointer.deallocate() }
    }

    /// Creates a copy of `bytes` in new memory.
    public convenience init(copying bytes: UnsafeRawBufferPointer) {
        self.init(byteCount: bytes.count) { $0.copyMemory(from: bytes) }
    }

    /// Maps a whole file, copy-on-write; pipes are read to their end.
    ///
    /// - Throws: ``WeightFileError`` if the file is missing, unreadable, a folder or empty.
    public static func mapping(file path: String) throws -> TensorStorage {
        let file: FileBytes
        do { file = try FileBytes(contentsOf: path, access: .mappedCopyOnWrite) } catch {
            throw WeightFileError(error)
        }
        guard file.count > 0 else { throw WeightFileError(file: path, reason: "is empty") }
        return TensorStorage(pointer: file.pointer, byteCount: file.count, owner: file)
    }

    /// Calls `body` with the bytes, which are valid during the call.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result
    {
        try withExtendedLifetime(self) {
            try body(UnsafeRawBufferPointer(start: pointer, count: byteCount))
        }
    }

    /// A part of the bytes that keeps the whole storage alive; nil if `range` is not inside.
    public func slice(_ range: Range<Int>) -> TensorStorage? {
        guard range.lowerBound >= 0, range.upperBound <= byteCount else { return nil }
        return TensorStorage(pointer: pointer + range.lowerBound, byteCount: range.count, owner: self)
    }
}
