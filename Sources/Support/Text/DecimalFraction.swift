/// Decimal numbers as floating-point ones.
package enum DecimalFraction {
    /// The most decimals of ``value(_:decimals:)``.
    package static let mostDecimals = 27

    /// `10^0 ... 10^22`, which are exact.
    private static let powersOfTen: [Double] = (0...22).map { power in
        (0..<power).reduce(1.0) { value, _ in value * 10 }
    }

    private static let powersOfFive: [UInt64] = (0...mostDecimals).map { power in
        (0..<power).reduce(1) { value, _ in value * 5 }
    }

    /// `mantissa / 10^decimals`, correctly rounded, for up to ``mostDecimals``.
    package static func value(_ mantissa: UInt64, decimals: Int) -> Double {
        // Both are exact, so one division rounds once.
        if mantissa <= 1 << 53, decimals <= 22 { return Double(mantissa) / powersOfTen[decimals] }
        return quotient(mantissa, powersOfFive[decimals], decimals)
    }

    /// `mantissa / 10^decimals`, correctly rounded, with `five` = `5^decimals`.
    private static func quotient(_ mantissa: UInt64, _ five: UInt64, _ decimals: Int) -> Double {
        // Both are shifted to the left end of 64 bits; the quotient then has 63 or 64 bits.
        let upper = mantissa << UInt64(mantissa.leadingZeroBitCount)
        let lower = five << UInt64(five.leadingZeroBitCount)
        let (quotient, remainder) = lower.dividingFullWidth((upper >> 1, upper << 63))
        // A last bit that stands for the remainder makes the conversion round in the right direction.
        let sticky = quotient | (remainder == 0 ? 0 : 1)
        let exponent = five.leadingZeroBitCount - mantissa.leadingZeroBitCount - 63 - decimals
        return Double(sign: .plus, exponent: exponent, significand: Double(sticky))
    }
}
