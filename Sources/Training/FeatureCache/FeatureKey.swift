import Files
import Foundation

/// One view of one picture in a feature cache.
public struct FeatureKey: Sendable, Hashable, CustomStringConvertible {
    /// The SHA-256 of the picture's file, 64 hexadecimal digits: a picture that was changed is another one.
    public let content: String

    /// The variation, from 0.
    public let view: Int

    /// A view of the picture with this hash.
    public init(content: String, view: Int = 0) {
        self.content = content
        self.view = view
    }

    /// A view of the picture in a file.
    /// - Throws: ``TrainingError`` when the file cannot be read.
    public init(path: String, view: Int = 0) throws {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw TrainingError(path, "cannot be read")
        }
        self.init(content: SHA256.hash(data).hexadecimal, view: view)
    }

    /// `content/view`.
    public var description: String { "\(content)/\(view)" }
}
