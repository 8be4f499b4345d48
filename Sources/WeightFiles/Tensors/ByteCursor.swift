/// A position in a run of bytes, for reading little-endian numbers and ranges, never past the end.
struct ByteCursor {
    private let bytes: UnsafeRawBufferPointer

    /// The next byte to read.
    private(set) var position: Int

    /// Creates a cursor; the bytes must outlive it. Nil if `position` is outside of them.
    init?(_ bytes: UnsafeRawBufferPointer, at position: Int = 0) {
        guard position >= 0, position <= bytes.count else { return nil }
        self.bytes = bytes
        self.position = position
    }

    /// The number of bytes left.
    var remaining: Int { bytes.count - position }

    /// The bytes in `range`, which came from this cursor.
    subscript(range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[range])
    }

    /// Reads `count` bytes; nil if fewer are left.
    mutating func take(_ count: some BinaryInteger) -> Range<Int>? {
        guard count >= 0, count <= remaining else { return nil }
        defer { position += Int(count) }
        return position..<position + Int(count)
    }

    /// Reads a little-endian number; nil if too few bytes are left.
    mutating func integer<Number: FixedWidthInteger & BitwiseCopyable>(_ type: Number.Type) -> Number? {
        guard MemoryLayout<Number>.size <= remaining else { return nil }
        defer { position += MemoryLayout<Number>.size }
        return Number(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: type))
    }

    /// Reads the bytes up to a line feed, which is consumed too; nil if there is none.
    mutating func line() -> Range<Int>? {
        guard let end = bytes[position...].firstIndex(of: 0x0A) else { return nil }
        defer { position = end + 1 }
        return position..<end
    }
}

extension [UInt8] {
    /// Appends a number, least significant byte first.
    mutating func appendInteger<Number: FixedWidthInteger & BitwiseCopyable>(_ number: Number) {
        Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }
}

/// The memory that reading a file may use.
///
/// A few bytes of a pickle can request many times its size (one object referenced again and again, a deflated run of
/// zeros). Everything that a reader builds is counted here as it grows, so that such a file is refused.
struct MemoryBudget: Sendable {
    /// The allowance on top of the multiple of the file's size, so that small files of small objects can be read.
    static let constant = 16 << 20

    /// The maximum number of bytes.
    let limit: Int

    /// The number of bytes used so far.
    private(set) var spent = 0

    /// Creates a budget of four times the file's size plus a constant.
    init(fileSize: Int) {
        let (product, overflow) = fileSize.multipliedReportingOverflow(by: 4)
        limit = overflow ? .max : max(product, product &+ Self.constant)
    }

    /// Counts `bytes`; false if they exceed the budget.
    mutating func spend(_ bytes: Int) -> Bool {
        guard bytes >= 0, bytes <= limit - spent else { return false }
        spent += bytes
        return true
    }
}
