import Support

/// Reads and writes whole picture files.
enum PictureFile {
    /// Reads a file. It is not mapped, because a file that shrinks while mapped would end the process.
    ///
    /// - Throws: ``ImagingError`` if the file cannot be read or exceeds `limit` bytes.
    static func read(_ path: String, limit: Int) throws -> [UInt8] {
        do {
            return try FileBytes(
                contentsOf: path, access: .read, limit: limit, limitName: "DecodingLimits.bytes"
            ).array
        } catch {
            throw ImagingError(error)
        }
    }

    /// The reason given when a file is refused for its size.
    static func excess(_ size: Int, _ limit: Int) -> String {
        "its \(size) bytes exceed the limit of \(limit) (DecodingLimits.bytes)"
    }

    /// Writes a file so that its name always refers to a complete one.
    static func write(_ bytes: [UInt8], to path: String) throws {
        do { try AtomicFile.write(bytes, to: path) } catch { throw ImagingError(error) }
    }
}

extension ImagingError {
    /// A file that cannot be used.
    init(_ failure: FileFailure) {
        self.init(failure.path, reason: failure.reason, exitStatus: failure.exitStatus)
    }
}
