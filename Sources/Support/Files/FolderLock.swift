/// The right to write into a folder, which one process has at a time.
///
/// The lock is the system's, on a file in the folder: it ends with the process, however that ends. The file holds the
/// process's number, and goes with the lock.
package final class FolderLock: Sendable {
    private let path: String
    private let descriptor: Int32

    /// The name of the file.
    package static let fileName = ".running"

    /// Takes the lock of a folder, which must exist.
    ///
    /// - Throws: ``FileFailure`` that names the process which has it; when the lock's file cannot be made.
    package init(folder: String) throws(FileFailure) {
        path = Path.join(folder, Self.fileName)
        while true {
            let descriptor = path.withPathPointer { open($0, O_RDWR | O_CREAT | O_CLOEXEC, 0o666) }
            guard descriptor >= 0 else { throw FileFailure(path, "cannot be created") }
            // File systems without locks (ENOLCK, ENOTSUP) cannot tell; a run there must not fail for it.
            if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
                let holder = Self.holder(descriptor)
                close(descriptor)
                throw FileFailure(
                    folder, reason: "is in use by another run" + (holder.map { " (process \($0))" } ?? ""),
                    advice: "wait for its end, or name another folder", exitStatus: .failure)
            }
            // The holder before may have removed the file after it was opened here.
            if FileStatus(descriptor: descriptor)?.identity == FileIdentity(path) {
                self.descriptor = descriptor
                break
            }
            close(descriptor)
        }
        let number = Array("\(getpid())\n".utf8)
        _ = ftruncate(descriptor, 0)
        _ = number.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
    }

    deinit {
        _ = path.withPathPointer { unlink($0) }
        close(descriptor)
    }

    private static func holder(_ descriptor: Int32) -> Int? {
        var digits = [UInt8](repeating: 0, count: 20)
        let count = digits.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        return Int(String(decoding: digits.prefix(max(count, 0)).prefix { $0 != 0x0A }, as: UTF8.self))
    }
}
