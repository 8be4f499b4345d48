import Foundation
import Support

/// Downloads one file.
///
/// An interrupted download is resumed. The received file must have the size that the server states and, if given, the
/// digest; otherwise it is removed and an error is thrown.
public struct FileDownload: Sendable {
    /// The file's address.
    public let address: String

    /// The SHA-256 of its contents, 64 hexadecimal digits, if known.
    public let sha256: String?

    /// Creates a download.
    public init(_ address: String, sha256: String? = nil) {
        self.address = address
        self.sha256 = sha256
    }

    /// Downloads the file unless it exists already, with the required digest if one is given.
    /// - Parameters:
    ///   - path: The file to write; its folder is created. Until the file is complete it is called `path.incomplete`.
    ///   - progress: Called with the bytes received and the total size, on an unspecified thread.
    /// - Throws: ``HubError`` about the address or the file; a file at `path` with another digest is left unchanged.
    public func run(
        to path: String, progress: @escaping @Sendable (_ received: Int, _ total: Int?) -> Void = { _, _ in }
    ) async throws {
        if FileStatus(path) != nil {
            guard let sha256 else { return }
            let digest = try ModelDownload.sha256(of: path)
            guard digest == sha256 else {
                throw HubError(
                    path,
                    reason:
                        "already exists with the digest \(digest.prefix(12))…, not \(sha256.prefix(12))… of "
                        + "\(address); move it away to fetch the file")
            }
            return
        }
        try ModelDownload.makeFolder(Path.parent(path))
        let transfer = HubTransfer(endpoint: address, token: nil)
        let file = try await transfer.describe(address, needsTag: false)
        let part = FileName.companion(of: path, ending: ".incomplete")
        // Without a size, a complete file cannot be told from a partial one.
        if file.size == nil { try ModelDownload.remove(part) }
        try await transfer.download(file, to: part) { progress($0, file.size) }
        if let sha256 {
            let digest = try ModelDownload.sha256(of: part)
            guard digest == sha256 else {
                try ModelDownload.remove(part)
                throw HubError(
                    address,
                    reason:
                        "was received with the digest \(digest.prefix(12))…, not \(sha256.prefix(12))…; it "
                        + "was removed, try again")
            }
        }
        try ModelDownload.rename(part, to: path)
    }
}
