import Foundation

extension FileHandle {
    /// Opens a file to write at its end; it is made if it is not there.
    ///
    /// - Throws: ``FileFailure``.
    package convenience init(appendingTo path: String) throws(FileFailure) {
        let descriptor = path.withPathPointer { open($0, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666) }
        guard descriptor >= 0 else { throw FileFailure(path, "cannot be opened") }
        self.init(fileDescriptor: descriptor, closeOnDealloc: true)
    }
}
