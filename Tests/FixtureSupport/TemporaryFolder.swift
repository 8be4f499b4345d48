import Foundation

/// A folder of its own for a test's files, removed afterwards.
public final class TemporaryFolder: Sendable {
    /// The path of the folder.
    public let path: String

    /// Makes the folder.
    public init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "fvlm-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The names of what is in the folder, in order.
    public var names: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
    }

    /// The names of what is in a folder in it, in order.
    public func namesOf(_ name: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: file(name))) ?? []).sorted()
    }

    /// The path of a file in the folder, there or not.
    public func file(_ name: String) -> String { "\(path)/\(name)" }

    /// The bytes of a file; none when it is not there.
    public func bytes(_ name: String) -> [UInt8] {
        FileManager.default.contents(atPath: file(name)).map { [UInt8]($0) } ?? []
    }

    /// Writes a file, with the folders that lead to it, and gives its path.
    @discardableResult public func write(_ bytes: some Sequence<UInt8>, _ name: String) throws -> String {
        let url = URL(filePath: file(name))
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
        return url.path
    }

    /// Writes a file of text, with the folders that lead to it, and gives its path.
    @discardableResult public func write(_ text: String, _ name: String) throws -> String {
        try write(text.utf8, name)
    }
}
