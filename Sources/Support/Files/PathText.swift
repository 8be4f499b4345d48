/// File names as text, without loss.
///
/// A name on Linux is any sequence of bytes; a `String` holds only those that are UTF-8. A byte that is not part of
/// valid UTF-8 is kept as the character U+10FF00 + byte, of a private-use plane that no name is likely to use (one
/// that does is kept byte by byte in the same way), and becomes that byte again where a file is opened.
extension String {
    /// The text that stands for a name of these bytes.
    package init(pathBytes bytes: some Sequence<UInt8>) {
        let bytes = Array(bytes)
        if let text = String(validating: bytes, as: UTF8.self), !text.holdsRawBytes {
            self = text
            return
        }
        var result = String.UnicodeScalarView()
        var decoder = UTF8()
        var start = 0
        while start < bytes.count {
            var rest = bytes[start...].makeIterator()
            if case .scalarValue(let scalar) = decoder.decode(&rest), !Self.rawBytes.contains(scalar.value) {
                result.append(scalar)
                start += UTF8.width(scalar)
            } else {
                // ASCII is always valid, so that the byte is at least 0x80.
                result.append(Unicode.Scalar(Self.rawBase + UInt32(bytes[start])) ?? "\u{FFFD}")
                start += 1
            }
            decoder = UTF8()
        }
        self = String(result)
    }

    /// The bytes of the name that this text stands for.
    package var pathBytes: [UInt8] {
        guard holdsRawBytes else { return Array(utf8) }
        var bytes: [UInt8] = []
        for scalar in unicodeScalars {
            if Self.rawBytes.contains(scalar.value) {
                bytes.append(UInt8(scalar.value - Self.rawBase))
            } else {
                bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            }
        }
        return bytes
    }

    /// Calls `body` with the name as the system takes it.
    package func withPathPointer<Result>(_ body: (UnsafePointer<CChar>) throws -> Result) rethrows -> Result {
        guard holdsRawBytes else { return try withCString(body) }
        return try body(pathBytes.map { CChar(bitPattern: $0) } + [0])
    }

    /// The name for people and for JSON: U+FFFD for every byte that is no text.
    package var displayedPath: String {
        holdsRawBytes ? String(decoding: pathBytes, as: UTF8.self) : self
    }

    /// Whether some of the name is no UTF-8.
    private var holdsRawBytes: Bool {
        // The first byte of the characters in question, which is rare elsewhere.
        utf8.contains(0xF4) && unicodeScalars.contains { Self.rawBytes.contains($0.value) }
    }

    private static var rawBase: UInt32 { 0x10FF00 }
    private static var rawBytes: ClosedRange<UInt32> { 0x10FF80...0x10FFFF }
}
