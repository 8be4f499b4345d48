/// What went wrong, and where.
struct EmojiScenesError: Error, CustomStringConvertible {
    let subject: String
    let reason: String

    init(_ subject: String, reason: String) {
        self.subject = subject
        self.reason = reason
    }

    var description: String { "\(subject): \(reason)" }
}
