import Support

/// Powers of ten that are exact as 64-bit floating-point numbers.
struct PowersOfTen: @unchecked Sendable {
    static let shared = PowersOfTen()

    /// `10^0 ... 10^22`. Never freed or changed.
    let ten: UnsafePointer<Double>

    private init() {
        let ten = UnsafeMutablePointer<Double>.allocate(capacity: 23)
        for index in 0..<23 { ten[index] = index == 0 ? 1 : ten[index - 1] * 10 }
        self.ten = UnsafePointer(ten)
    }
}

extension JSONScanner {
    /// A finite number, correctly rounded.
    @inline(__always)
    mutating func number() throws -> Double {
        if let value = shortNumber() { return value }
        return try anyNumber()
    }

    /// A number without sign and exponent that ends within eight bytes, as nearly all coordinates do: avoids a branch
    /// per digit, which the processor could not predict.
    ///
    /// - Returns: nil for any other number.
    @inline(__always)
    private mutating func shortNumber() -> Double? {
        guard end - cursor >= 8 else { return nil }
        let ones: UInt64 = 0x0101_0101_0101_0101
        // Digits become 0 to 9; all other bytes are marked by their highest bit.
        let text =
            UInt64(littleEndian: UnsafeRawPointer(cursor).loadUnaligned(as: UInt64.self)) ^ (ones &* 0x30)
        let others = (((text & (ones &* 0x7F)) &+ (ones &* 0x76)) | text) & (ones &* 0x80)
        let whole = others.trailingZeroBitCount / 8
        // 1 to 7 digits, without a leading zero.
        guard UInt(bitPattern: whole &- 1) < 7, whole == 1 || text & 0xFF != 0 else { return nil }
        var digits = text
        var count = whole
        var length = whole
        if cursor[whole] == UInt8(ascii: ".") {
            length = (others & (others &- 1)).trailingZeroBitCount / 8
            guard length < 8, length > whole + 1 else { return nil }
            // The decimals move up to the digits before the point.
            let before = ((1 as UInt64) &<< UInt64(truncatingIfNeeded: 8 &* whole)) &- 1
            digits = (text & before) | ((text >> 8) & ~before)
            count = length - 1
        }
        guard cursor[length] | 0x20 != UInt8(ascii: "e") else { return nil }
        cursor += length
        // Eight digits, with leading zeros: combined in pairs, then fours, then all.
        var value = digits &<< UInt64(truncatingIfNeeded: 8 &* (8 &- count))
        value = value &* 10 &+ (value >> 8)
        value =
            ((value & 0x0000_00FF_0000_00FF) &* 0x000F_4240_0000_0064
                &+ ((value >> 16) & 0x0000_00FF_0000_00FF) &* 0x0000_2710_0000_0001) >> 32
        return Double(value & 0xFFFF_FFFF) / powers.ten[count &- whole]
    }

    /// A finite number, correctly rounded.
    private mutating func anyNumber() throws -> Double {
        var next = cursor
        let isNegative = next.pointee == UInt8(ascii: "-")
        if isNegative { next += 1 }
        let first = next
        var mantissa: UInt64 = 0
        while true {
            let digit = next.pointee &- UInt8(ascii: "0")
            if digit > 9 { break }
            mantissa = mantissa &* 10 &+ UInt64(digit)
            next += 1
        }
        var digits = next - first
        if digits == 0 || (digits > 1 && first.pointee == UInt8(ascii: "0")) {
            return try numberThatIsNotFinite()
        }
        var decimals = 0
        if next.pointee == UInt8(ascii: ".") {
            next += 1
            let firstDecimal = next
            while true {
                let digit = next.pointee &- UInt8(ascii: "0")
                if digit > 9 { break }
                mantissa = mantissa &* 10 &+ UInt64(digit)
                next += 1
            }
            decimals = next - firstDecimal
            if decimals == 0 { throw notANumber() }
            digits += decimals
        }
        // 19 digits fit into 64 bits.
        if next.pointee | 0x20 == UInt8(ascii: "e") || digits > 19 || decimals > DecimalFraction.mostDecimals
        {
            return try longNumber(after: next)
        }
        cursor = next
        let value: Double
        if decimals == 0 {
            value = Double(mantissa)
        } else if mantissa <= 1 << 53, decimals <= 22 {
            // Both are exact, so one division rounds once.
            value = Double(mantissa) / powers.ten[decimals]
        } else {
            value = DecimalFraction.value(mantissa, decimals: decimals)
        }
        return isNegative ? -value : value
    }

    /// Numbers with an exponent or with many digits.
    @inline(never)
    private mutating func longNumber(after mantissaEnd: UnsafePointer<UInt8>) throws -> Double {
        var next = mantissaEnd
        if next.pointee | 0x20 == UInt8(ascii: "e") {
            next += 1
            if next.pointee == UInt8(ascii: "-") || next.pointee == UInt8(ascii: "+") { next += 1 }
            let first = next
            while next.pointee &- UInt8(ascii: "0") <= 9 { next += 1 }
            if next == first { throw notANumber() }
        }
        guard next - cursor <= 2000 else { throw failure("a number of more than 2000 characters") }
        let text = String(decoding: UnsafeBufferPointer(start: cursor, count: next - cursor), as: UTF8.self)
        guard let value = Double(text), value.isFinite else {
            throw failure("the number \(text) is too large")
        }
        cursor = next
        return value
    }

    /// A 64-bit integer; `3.0` is one, too.
    @inline(__always)
    mutating func integer() throws -> Int64 {
        var next = cursor
        let isNegative = next.pointee == UInt8(ascii: "-")
        if isNegative { next += 1 }
        let first = next
        var value: Int64 = 0
        while true {
            let digit = next.pointee &- UInt8(ascii: "0")
            if digit > 9 || next - first == 18 { break }
            value = value &* 10 &+ Int64(digit)
            next += 1
        }
        let stop = next.pointee
        if next == first || (first.pointee == UInt8(ascii: "0") && next - first > 1)
            || stop == UInt8(ascii: ".")
            || stop | 0x20 == UInt8(ascii: "e") || stop &- UInt8(ascii: "0") <= 9
        {
            return try longInteger()
        }
        cursor = next
        return isNegative ? -value : value
    }

    @inline(never)
    private mutating func longInteger() throws -> Int64 {
        let before = cursor
        let value = try number()
        let text = String(decoding: UnsafeBufferPointer(start: before, count: cursor - before), as: UTF8.self)
        if let exact = Int64(text) { return exact }
        // Beyond 2^53 a floating-point number can represent several integers.
        if let exact = Int64(exactly: value), exact.magnitude <= 1 << 53 { return exact }
        cursor = before
        throw failure("\(text) is not a 64-bit integer")
    }

    /// The spellings that Python writes for non-finite numbers, if they are allowed.
    @inline(never)
    private mutating func numberThatIsNotFinite() throws -> Double {
        guard isLenient else { throw notANumber() }
        if take(word: "NaN") { return .nan }
        if take(word: "Infinity") { return .infinity }
        if take(word: "-Infinity") { return -.infinity }
        throw notANumber()
    }

    @inline(never)
    private func notANumber() -> Failure {
        let byte = cursor.pointee
        switch byte {
        case UInt8(ascii: "N"), UInt8(ascii: "I"):
            return failure("\(found) is not a JSON number; a finite number is needed")
        case UInt8(ascii: "-") where (cursor + 1).pointee == UInt8(ascii: "I"):
            return failure("-Infinity is not a JSON number; a finite number is needed")
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return failure("a malformed number")
        default: return failure("a number is needed, found \(found)")
        }
    }
}
