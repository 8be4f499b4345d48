/// Names given by ranges and lists in braces, as shells and webdataset write them: `{000000..000999}.tar`, `{train,val}/a.tar`.
package enum BraceRange {
    /// Names that a text may stand for.
    package static let limit = 1_000_000

    /// All names that a text stands for, in order; the text itself if there are no braces in it that mean something.
    ///
    /// Numbers have as many digits as the longer end of their range, if that begins with a zero.
    ///
    /// - Throws: ``ConfigurationError`` for more than ``limit`` names.
    package static func expanded(_ text: String) throws(ConfigurationError) -> [String] {
        var from = text.startIndex
        while let open = text[from...].firstIndex(of: "{"), let close = text[open...].firstIndex(of: "}") {
            guard let choices = try choices(text[text.index(after: open)..<close], of: text) else {
                from = text.index(after: open)
                continue
            }
            let (head, tails) = (text[..<open], try expanded(String(text[text.index(after: close)...])))
            guard choices.count * tails.count <= limit else { throw excess(text) }
            return choices.flatMap { choice in tails.map { head + choice + $0 } }
        }
        return [text]
    }

    private static func excess(_ text: String) -> ConfigurationError {
        ConfigurationError(
            origin: text, reason: "stands for more than \(limit) names: give several ranges",
            exitStatus: .usage)
    }

    private static func choices(_ body: Substring, of text: String) throws(ConfigurationError) -> [String]? {
        if body.contains(",") {
            return body.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        guard let dots = body.firstRange(of: "..") else { return nil }
        let (low, high) = (body[..<dots.lowerBound], body[dots.upperBound...])
        func number(_ digits: Substring) -> Int? {
            digits.allSatisfy { $0.isASCII && $0.isNumber } ? Int(digits) : nil
        }
        guard let first = number(low), let last = number(high) else { return nil }
        guard abs(last - first) < limit else { throw excess(text) }
        let isPadded = low.hasPrefix("0") && low.count > 1 || high.hasPrefix("0") && high.count > 1
        let width = isPadded ? max(low.count, high.count) : 0
        return stride(from: first, through: last, by: first <= last ? 1 : -1).map {
            let digits = String($0)
            return String(repeating: "0", count: max(width - digits.count, 0)) + digits
        }
    }
}
