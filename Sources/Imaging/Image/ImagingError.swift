/// A picture that cannot be read, made or written: which one, and why.
public struct ImagingError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The path of the file, or another name of the picture; empty when it has none.
    public let source: String

    /// What is wrong, and what helps when something does.
    public let reason: String

    /// An error about the picture `source`.
    public init(source: String = "", reason: String) {
        self.source = source
        self.reason = reason
    }

    /// One line: the picture and the reason.
    public var description: String { source.isEmpty ? reason : "\(source): \(reason)" }
}
