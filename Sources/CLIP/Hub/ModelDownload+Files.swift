import Support
import Foundation

extension ModelDownload {
    static func makeFolder(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch { throw CLIPError(path, reason: "cannot be created: \(error.localizedDescription)") }
    }

    static func rename(_ path: String, to target: String) throws {
        do {
            try FileManager.default.moveItem(atPath: path, toPath: target)
        } catch { throw CLIPError(target, reason: "cannot be put in place: \(error.localizedDescription)") }
    }

    static func write(_ text: String, to path: String) throws {
        try makeFolder(URL(filePath: path).deletingLastPathComponent().path)
        do {
            try Data(text.utf8).write(to: URL(filePath: path), options: .atomic)
        } catch { throw CLIPError(path, reason: "cannot be written: \(error.localizedDescription)") }
    }

    static func contents(of path: String) throws -> [UInt8] {
        do {
            return [UInt8](try Data(contentsOf: URL(filePath: path)))
        } catch { throw CLIPError(path, reason: "cannot be read: \(error.localizedDescription)") }
    }

    /// The digest of a file of any size, read in pieces.
    static func sha256(of path: String) throws -> String {
        do {
            let handle = try FileHandle(forReadingFrom: URL(filePath: path))
            defer { try? handle.close() }
            var digest = SHA256()
            while let piece = try handle.read(upToCount: 1 << 20), !piece.isEmpty {
                piece.withUnsafeBytes { digest.update($0) }
            }
            return digest.finalized().hexadecimal
        } catch { throw CLIPError(path, reason: "cannot be read: \(error.localizedDescription)") }
    }

    /// Text as part of an address.
    static func escaped(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? text
    }
}
