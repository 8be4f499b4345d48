/// What is wrong with a setting: where it is written, which one, and what helps.
package struct SettingsError: ReportedError, Hashable {
    /// The file, or what messages call the text. May be empty.
    package var origin: String

    /// The line of the file, from 1; nil for settings that come from elsewhere.
    package var line: Int?

    /// The keys that lead to the setting, joined by dots. May be empty.
    package var key: String

    /// What is wrong, and what helps.
    package var reason: String

    /// An error at a key.
    package init(origin: String = "", line: Int? = nil, key: String = "", reason: String) {
        self.origin = origin
        self.line = line
        self.key = key
        self.reason = reason
    }

    /// Origin, line and key.
    package var subject: String {
        [origin, line.map { "line \($0)" } ?? "", key].filter { !$0.isEmpty }.joined(separator: ": ")
    }
}
