/// A single-byte encoding that text may have been wrongly decoded with.
struct SingleByteEncoding: Sendable {
    /// Whether U+FFFD is treated as a lost byte, encoded as 0x1A.
    let isSloppy: Bool

    /// Whether a space may represent a lost byte 0xA0. Not in MacRoman, where 0xA0 before a space is a dash and would
    /// match too often.
    let restoresSpaces: Bool

    private let upperHalf: [Unicode.Scalar]
    private let bytes: [Unicode.Scalar: UInt8]

    private init(_ upperHalf: [Unicode.Scalar], isSloppy: Bool, restoresSpaces: Bool = true) {
        self.isSloppy = isSloppy
        self.restoresSpaces = restoresSpaces
        self.upperHalf = upperHalf
        var bytes: [Unicode.Scalar: UInt8] = [:]
        for (index, scalar) in upperHalf.enumerated() { bytes[scalar] = UInt8(0x80 + index) }
        if isSloppy { bytes["\u{FFFD}"] = 0x1A }
        self.bytes = bytes
    }

    private init(_ upperHalf: String, isSloppy: Bool = false, restoresSpaces: Bool = true) {
        self.init(Array(upperHalf.unicodeScalars), isSloppy: isSloppy, restoresSpaces: restoresSpaces)
    }

    static let latin1 = SingleByteEncoding(
        (UInt8(0x80)...0xFF).map { Unicode.Scalar($0) }, isSloppy: false)
    static let windows1252 = SingleByteEncoding(CodePageTables.windows1252, isSloppy: true)

    /// The candidate encodings, most common first.
    static let candidates = [
        latin1, windows1252,
        SingleByteEncoding(CodePageTables.windows1251, isSloppy: true),
        SingleByteEncoding(CodePageTables.windows1250, isSloppy: true),
        SingleByteEncoding(CodePageTables.windows1253, isSloppy: true),
        SingleByteEncoding(CodePageTables.windows1254, isSloppy: true),
        SingleByteEncoding(CodePageTables.windows1257, isSloppy: true),
        SingleByteEncoding(CodePageTables.iso8859Part2),
        SingleByteEncoding(CodePageTables.macRoman, restoresSpaces: false),
        SingleByteEncoding(CodePageTables.codePage437),
    ]

    /// The bytes of a text, or nil if the encoding lacks one of its characters.
    func encode(_ text: [Unicode.Scalar]) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        for scalar in text {
            if scalar.isASCII, !(isSloppy && scalar == "\u{1A}") {
                result.append(UInt8(scalar.value))
            } else if let byte = bytes[scalar] {
                result.append(byte)
            } else {
                return nil
            }
        }
        return result
    }

    /// The character for a byte.
    func decode(_ byte: UInt8) -> Unicode.Scalar {
        byte < 0x80 ? Unicode.Scalar(byte) : upperHalf[Int(byte) - 0x80]
    }
}
