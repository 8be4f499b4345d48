import Foundation
import Support

/// Keeps a folder to one run at a time; made when it is not there. The system ends the lock with the process.
final class RunFolderLock {
    private let descriptor: Int32

    /// Locks a folder.
    /// - Throws: ``TrainingError`` when another run is at work in it, or it cannot be made.
    init(_ folder: String) throws {
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), !isFolder.boolValue {
            throw TrainingError(folder, "is a file; a run needs a folder: choose another with --output")
        }
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw TrainingError(folder, "cannot be made: \(error.localizedDescription)")
        }
        // The folder itself is locked, so that nothing has to be written into it.
        descriptor = open(folder, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw TrainingError(folder, "cannot be opened: \(String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) != 0 else { return }
        let code = errno
        // Some network file systems know no locks: they are believed.
        guard code == EWOULDBLOCK else { return }
        close(descriptor)
        throw TrainingError(
            folder, "another run is at work in it: wait for its end, or choose another folder")
    }

    deinit { close(descriptor) }
}
