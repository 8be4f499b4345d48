import Support
import Foundation

/// Files and folders that reach the disk, or fail with a reason.
enum Disk {
    private static func failure(_ path: String, _ what: String) -> TrainingError {
        TrainingError(path, "\(what): \(String(cString: strerror(errno)))")
    }

    /// Writes a file that takes the place of an earlier one only when it is complete.
    static func write(_ bytes: [UInt8], to path: String) throws {
        do { try AtomicFile.write(bytes, to: path) } catch { throw TrainingError(error.path, error.reason) }
    }

    /// Flushes the entries of a folder. File systems that cannot say so are believed.
    static func flush(folder: String) throws {
        let descriptor = open(folder, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(folder, "cannot be opened") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP else {
            throw failure(folder, "cannot be written to the disk")
        }
    }

    /// Gives a file or folder another name.
    static func rename(_ path: String, to other: String) throws {
        #if canImport(Darwin)
            let result = Darwin.rename(path, other)
        #elseif canImport(Musl)
            let result = Musl.rename(path, other)
        #else
            let result = Glibc.rename(path, other)
        #endif
        guard result == 0 else { throw failure(path, "cannot be renamed") }
    }

    /// Puts a complete folder at `path`, in place of one that may be there, and flushes the entry.
    static func replace(_ path: String, by folder: String) throws {
        let parent = URL(filePath: path).deletingLastPathComponent().path
        let name = URL(filePath: path).lastPathComponent
        if FileManager.default.fileExists(atPath: path) {
            let aside = "\(parent)/.removing-\(name)"
            try remove(aside)
            try rename(path, to: aside)
            do { try rename(folder, to: path) } catch {
                try? rename(aside, to: path)
                throw error
            }
            try remove(aside)
        } else {
            try rename(folder, to: path)
        }
        try flush(folder: parent)
    }

    /// Removes a file or folder, when it is there.
    static func remove(_ path: String) throws {
        guard FileManager.default.fileExists(atPath: path) else { return }
        do { try FileManager.default.removeItem(atPath: path) } catch {
            throw TrainingError(path, "cannot be removed: \(error.oneLine)")
        }
    }
}
