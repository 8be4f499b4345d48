extension Unicode.Scalar {
    /// `\p{L}`.
    var isLetter: Bool {
        if isASCII { return 97...122 ~= value | 0x20 }
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return true
        default: return false
        }
    }

    /// `\p{N}`.
    var isNumber: Bool {
        if isASCII { return 48...57 ~= value }
        switch properties.generalCategory {
        case .decimalNumber, .letterNumber, .otherNumber: return true
        default: return false
        }
    }

    /// Unicode's White_Space, the `\s` of most regular expressions.
    var isWhiteSpace: Bool { isASCII ? value == 32 || 9...13 ~= value : properties.isWhitespace }

    /// What Python's `str.split` and `str.strip` take for white space: four separators more.
    var isPythonSpace: Bool { isWhiteSpace || 0x1C...0x1F ~= value }
}
