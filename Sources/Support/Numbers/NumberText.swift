/// Numbers formatted for display.
package enum NumberText {
    /// A fixed number of digits after the point: `decimals(2.5, 2)` is `2.50`.
    package static func decimals(_ value: Double, _ count: Int) -> String {
        formatted("%.\(max(count, 0))f", value)
    }

    /// At most this many significant digits, without trailing zeros: `significant(0.00012, 4)` is `0.00012`.
    package static func significant(_ value: Double, _ count: Int) -> String {
        formatted("%.\(max(count, 1))g", value)
    }

    /// The fewest digits that round-trip; whole numbers without a point.
    package static func shortest(_ value: Double) -> String { withoutFraction("\(value)") }

    /// The fewest digits that round-trip; whole numbers without a point.
    package static func shortest(_ value: Float) -> String { withoutFraction("\(value)") }

    /// Hours, minutes and seconds: `1:02:05`, `2:05`.
    package static func duration(seconds: Double) -> String {
        guard seconds.isFinite, seconds.magnitude < 1e9 else { return "-" }
        let total = Int(max(seconds, 0).rounded())
        let (hours, minutes, rest) = (total / 3600, total / 60 % 60, total % 60)
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return hours > 0 ? "\(hours):\(two(minutes)):\(two(rest))" : "\(minutes):\(two(rest))"
    }

    /// A number of bytes with three digits and a decimal unit: `512 bytes`, `1.25 MB`, `30.1 GB`.
    package static func bytes(_ count: Int) -> String {
        guard count >= 1000 else { return "\(count) bytes" }
        var (value, unit) = (Double(count) / 1000, 0)
        let units = ["kB", "MB", "GB", "TB", "PB", "EB"]
        while value >= 999.5, unit + 1 < units.count { (value, unit) = (value / 1000, unit + 1) }
        let digits = value < 9.995 ? 100.0 : value < 99.95 ? 10 : 1
        let rounded = (value * digits).rounded() / digits
        return (digits == 1 ? "\(Int(rounded))" : "\(rounded)") + " \(units[unit])"
    }

    private static func withoutFraction(_ text: String) -> String {
        text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    private static func formatted(_ format: String, _ value: Double) -> String {
        var buffer = [CChar](repeating: 0, count: 512)
        let count = withVaList([value]) { vsnprintf(&buffer, buffer.count, format, $0) }
        return String(
            decoding: buffer.prefix(max(0, min(Int(count), buffer.count - 1))).map { UInt8(bitPattern: $0) },
            as: UTF8.self)
    }
}
