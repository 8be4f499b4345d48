/// Numbers in text of other programs: XML attributes, fields of CSV files.
package enum DecimalText {
    /// A number with an optional sign, point and exponent, white space around it allowed; correctly rounded.
    ///
    /// - Returns: nil for anything else, and for a number that is not finite.
    package static func number(_ bytes: UnsafeRawBufferPointer) -> Double? {
        var (first, last) = (0, bytes.count)
        while first < last, isSpace(bytes[first]) { first += 1 }
        while last > first, isSpace(bytes[last - 1]) { last -= 1 }
        guard first < last else { return nil }
        let isNegative = bytes[first] == UInt8(ascii: "-")
        var index = isNegative || bytes[first] == UInt8(ascii: "+") ? first + 1 : first
        var (mantissa, digits, decimals): (UInt64, Int, Int) = (0, 0, 0)
        var isBehindPoint = false
        while index < last {
            let digit = bytes[index] &- UInt8(ascii: "0")
            if digit <= 9 {
                mantissa = mantissa &* 10 &+ UInt64(digit)
                digits += 1
                if isBehindPoint { decimals += 1 }
            } else if bytes[index] == UInt8(ascii: "."), !isBehindPoint {
                isBehindPoint = true
            } else {
                return rare(bytes, first, last)
            }
            index += 1
        }
        guard digits > 0 else { return nil }
        // 19 digits fit into 64 bits.
        guard digits <= 19, decimals <= DecimalFraction.mostDecimals else { return rare(bytes, first, last) }
        let value = DecimalFraction.value(mantissa, decimals: decimals)
        return isNegative ? -value : value
    }

    /// As ``number(_:)-(UnsafeRawBufferPointer)``.
    package static func number(_ text: some StringProtocol) -> Double? {
        Array(text.utf8).withUnsafeBytes { number($0) }
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
    }

    /// Exponents and many digits.
    private static func rare(_ bytes: UnsafeRawBufferPointer, _ first: Int, _ last: Int) -> Double? {
        let text = bytes[first..<last]
        guard text.count <= 400, text.allSatisfy({ "+-.eE0123456789".utf8.contains($0) }),
            let value = Double(String(decoding: text, as: UTF8.self)), value.isFinite
        else { return nil }
        return value
    }
}
