import Foundation
import Support

/// Fetches one file from an address.
///
/// An interrupted download is resumed. What arrives must have the size that the server says and, where it is known, the
/// digest; otherwise it is removed and reported.
public struct FileDownload: Sendable {
    /// Where the file is.
    public let address: String

    /// The SHA-256 of its contents, 64 hexadecimal digits, if it is known.
    public let sha256: String?

    /// A download.
    public init(_ address: String, sha256: String? = nil) {
        self.address = address
        self.sha256 = sha256
    }

    /// Fetches the file unless it is there already, with the digest that is wanted where one is.
    /// - Parameters:
    ///   - path: Where it goes; its folder is made. Until it is complete it is called `path.incomplete`.
    ///   - progress: Called with bytes received and total size, on an unknown thread.
    /// - Throws: ``HubError`` about the address or the file; a file at `path` with another digest is left as it is.
    public func run(
        to path: String, progress: @escaping @Sendable (_ received: Int, _ total: Int?) -> Void = { _, _ in }
    ) async throws {
        if FileManager.default.fileExists(atPath: path) {
            guard let sha256 else { return }
            let digest = try ModelDownload.sha256(of: path)
            guard digest == sha256 else {
                throw HubError(
                    path,
                    reason: "is there with the digest \(digest.prefix(12))…, not \(sha256.prefix(12))… of "
                        + "\(address); move it away to fetch the file")
            }
            return
        }
        try ModelDownload.makeFolder(URL(filePath: path).deletingLastPathComponent().path)
        let transfer = HubTransfer(endpoint: address, token: nil)
        let file = try await transfer.describe(address, needsTag: false)
        let part = path + ".incomplete"
        // Without a size nobody could tell a complete file from a part.
        if file.size == nil { try? FileManager.default.removeItem(atPath: part) }
        try await transfer.download(file, to: part) { progress($0, file.size) }
        if let sha256 {
            let digest = try ModelDownload.sha256(of: part)
            guard digest == sha256 else {
                try? FileManager.default.removeItem(atPath: part)
                throw HubError(
                    address,
                    reason: "arrived with the digest \(digest.prefix(12))…, not \(sha256.prefix(12))…; it "
                        + "was removed, try again")
            }
        }
        try ModelDownload.rename(part, to: path)
    }
}
