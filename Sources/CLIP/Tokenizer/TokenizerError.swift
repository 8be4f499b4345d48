/// A tokenizer that cannot be loaded or used: which file, and why.
public struct TokenizerError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The path of the file or folder; empty when the error is about none.
    public let file: String

    /// What is wrong, and what helps when something does.
    public let reason: String

    /// An error about `file`.
    public init(file: String = "", reason: String) {
        self.file = file
        self.reason = reason
    }

    /// One line: file and reason.
    public var description: String { file.isEmpty ? reason : "\(file): \(reason)" }
}
