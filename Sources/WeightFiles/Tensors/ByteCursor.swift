/// A place in a run of bytes from which little-endian numbers and ranges are taken, never past the end.
struct ByteCursor {
    private let bytes: UnsafeRawBufferPointer

    /// The next byte to be taken.
    private(set) var position: Int

    /// The bytes must outlive the cursor. Nil when `position` is outside of them.
    init?(_ bytes: UnsafeRawBufferPointer, at position: Int = 0) {
        guard position >= 0, position <= bytes.count else { return nil }
        self.bytes = bytes
        self.position = position
    }

    /// The number of bytes that are left.
    var remaining: Int { bytes.count - position }

    /// The bytes in `range`, which came from this cursor.
    subscript(range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[range])
    }

    /// Takes `count` bytes; nil when fewer are left.
    mutating func take(_ count: some BinaryInteger) -> Range<Int>? {
        guard count >= 0, count <= remaining else { return nil }
        defer { position += Int(count) }
        return position..<position + Int(count)
    }

    /// Takes a little-endian number; nil when too few bytes are left.
    mutating func integer<Number: FixedWidthInteger & BitwiseCopyable>(_ type: Number.Type) -> Number? {
        guard MemoryLayout<Number>.size <= remaining else { return nil }
        defer { position += MemoryLayout<Number>.size }
        return Number(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: type))
    }

    /// Takes the bytes up to a line feed, which is taken too; nil when there is none.
    mutating func line() -> Range<Int>? {
        guard let end = bytes[position...].firstIndex(of: 0x0A) else { return nil }
        defer { position = end + 1 }
        return position..<end
    }
}

extension [UInt8] {
    /// Appends a number, lowest byte first.
    mutating func appendInteger<Number: FixedWidthInteger & BitwiseCopyable>(_ number: Number) {
        Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }
}

/// How much memory reading a file may take.
///
/// A pickle can ask for many times its own size with a few bytes (one object named again and again, a
/// deflated run of zeros); what a reader builds is counted here as it grows, so that such a file is refused
/// and not obeyed.
struct MemoryBudget: Sendable {
    /// Room on top of the multiple of the file's size, so that small files of small objects are read.
    static let constant = 16 << 20

    /// The bytes that may be taken.
    let limit: Int

    /// The bytes taken so far.
    private(set) var spent = 0

    /// Four times the file's size, and a constant.
    init(fileSize: Int) {
        let (product, overflow) = fileSize.multipliedReportingOverflow(by: 4)
        limit = overflow ? .max : max(product, product &+ Self.constant)
    }

    /// Counts `bytes`; false when there is no room for them.
    mutating func spend(_ bytes: Int) -> Bool {
        guard bytes >= 0, bytes <= limit - spent else { return false }
        spent += bytes
        return true
    }
}
