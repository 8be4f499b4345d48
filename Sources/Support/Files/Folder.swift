/// Operations on folders.
package enum Folder {
    /// The names in a folder, without `.` and `..`, in byte order.
    package static func names(in path: String) throws(FileFailure) -> [String] {
        try FolderEntry.all(in: path).map(\.name)
    }

    /// The paths of the files in a folder and in all folders below it, relative to it, in byte order of their folders. What
    /// begins with a dot is left out: other systems and notebooks make it. A folder that is a link is looked into, once.
    ///
    /// - Parameter passing: Called with the path of every file or folder that is left out, and whether it is a folder.
    package static func files(
        below path: String, passing: (_ path: String, _ isFolder: Bool) -> Void = { _, _ in }
    ) throws(FileFailure) -> [String] {
        var seen: Set<FileIdentity> = []
        var found: [String] = []
        try collect(path, "", &seen, &found, passing)
        return found
    }

    private static func collect(
        _ path: String, _ prefix: String, _ seen: inout Set<FileIdentity>, _ found: inout [String],
        _ passing: (String, Bool) -> Void
    ) throws(FileFailure) {
        if let identity = FileIdentity(path), !seen.insert(identity).inserted { return }
        for entry in try FolderEntry.all(in: path) {
            if entry.name.hasPrefix(".") {
                passing(prefix + entry.name, entry.isFolder)
            } else if entry.isFolder {
                try collect(Path.join(path, entry.name), prefix + entry.name + "/", &seen, &found, passing)
            } else {
                found.append(prefix + entry.name)
            }
        }
    }

    /// Creates a folder and its parents, unless it exists.
    package static func make(_ path: String) throws(FileFailure) {
        if let status = FileStatus(path) {
            guard status.kind == .folder else {
                throw FileFailure(
                    path, reason: "is a file, not a folder", exitStatus: .failure)
            }
            return
        }
        let parent = Path.parent(path)
        if parent != path { try make(parent) }
        // Another process may have created it in the meantime.
        guard path.withPathPointer({ mkdir($0, 0o777) }) == 0 || errno == EEXIST else {
            throw FileFailure(path, "the folder cannot be created")
        }
    }

    /// Removes a file, or a folder with all its contents, if it exists; links are removed, not followed.
    package static func remove(_ path: String) throws(FileFailure) {
        guard path.withPathPointer({ unlink($0) }) != 0, errno != ENOENT else { return }
        var status = stat()
        guard path.withPathPointer({ lstat($0, &status) }) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw FileFailure(path, "cannot be removed")
        }
        for name in try names(in: path) { try remove(Path.join(path, name)) }
        guard path.withPathPointer({ rmdir($0) }) == 0 else { throw FileFailure(path, "cannot be removed") }
    }

    /// Gives a file or folder another name, in place of a file that has it.
    package static func move(_ path: String, to target: String) throws(FileFailure) {
        guard path.withPathPointer({ from in target.withPathPointer { rename(from, $0) } }) == 0 else {
            throw FileFailure(target, "cannot be put in place")
        }
    }

    /// Flushes a folder's entries to the disk. Some file systems cannot; that is not an error, because the files
    /// themselves are complete.
    package static func flush(_ path: String) {
        let descriptor = path.withPathPointer { open($0, O_RDONLY | O_CLOEXEC) }
        guard descriptor >= 0 else { return }
        _ = fsync(descriptor)
        close(descriptor)
    }
}

/// An entry of a folder.
package struct FolderEntry: Sendable, Hashable {
    /// The name, as decoded by ``Swift/String/init(pathBytes:)``.
    package let name: String

    /// Whether it is a folder, or a link to one.
    package let isFolder: Bool

    /// The entries of a folder, sorted by the bytes of their names, without `.` and `..`.
    ///
    /// - Throws: ``FileFailure``.
    package static func all(in folder: String) throws(FileFailure) -> [FolderEntry] {
        guard let stream = folder.withPathPointer({ opendir($0) }) else {
            throw FileFailure(folder, "cannot be opened")
        }
        defer { closedir(stream) }
        var entries: [(bytes: [UInt8], isFolder: Bool)] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw FileFailure(folder, "cannot be read") }
                break
            }
            let name = withUnsafePointer(to: &entry.pointee.d_name) { name in
                let start = UnsafeRawPointer(name).assumingMemoryBound(to: CChar.self)
                return [UInt8](UnsafeRawBufferPointer(start: start, count: strlen(start)))
            }
            guard name != [0x2E], name != [0x2E, 0x2E] else { continue }
            var isFolder = entry.pointee.d_type == UInt8(DT_DIR)
            if entry.pointee.d_type == UInt8(DT_LNK) || entry.pointee.d_type == UInt8(DT_UNKNOWN) {
                var status = stat()
                isFolder =
                    fstatat(dirfd(stream), name.map { CChar(bitPattern: $0) } + [0], &status, 0) == 0
                    && status.st_mode & S_IFMT == S_IFDIR
            }
            entries.append((name, isFolder))
        }
        entries.sort { $0.bytes.lexicographicallyPrecedes($1.bytes) }
        return entries.map { FolderEntry(name: String(pathBytes: $0.bytes), isFolder: $0.isFolder) }
    }

    /// The identity of a folder, the same for all its paths; nil if `path` is not a folder.
    package static func identity(ofFolder path: String) -> FileIdentity? {
        FileStatus(path).flatMap { $0.kind == .folder ? $0.identity : nil }
    }
}

/// The exclusive right to write into a folder, held by one process at a time.
///
/// This is a system lock on a file in the folder, which is released when the process ends, however that happens. The
/// file contains the process id and is removed with the lock.
package final class FolderLock: Sendable {
    private let path: String
    private let descriptor: Int32

    /// The folder, when it was made for the lock.
    private let made: String?

    /// The name of the file.
    package static let fileName = ".running"

    /// Makes a folder if it is not there, and takes its lock. A folder that was made here and is empty at the end of the
    /// lock goes again, so that work that is refused leaves nothing behind.
    ///
    /// - Throws: As ``init(folder:)``; when the folder cannot be made.
    package convenience init(making folder: String) throws(FileFailure) {
        let isNew = FileStatus(folder) == nil
        try Folder.make(folder)
        do { try self.init(folder: folder, made: isNew ? folder : nil) } catch {
            if isNew { _ = folder.withPathPointer { rmdir($0) } }
            throw error
        }
    }

    /// Locks a folder, which must exist.
    ///
    /// - Throws: ``FileFailure`` that names the process holding the lock; ``FileFailure`` if the lock file cannot be
    ///   created.
    package convenience init(folder: String) throws(FileFailure) { try self.init(folder: folder, made: nil) }

    private init(folder: String, made: String?) throws(FileFailure) {
        self.made = made
        path = Path.join(folder, Self.fileName)
        while true {
            let descriptor = path.withPathPointer { open($0, O_RDWR | O_CREAT | O_CLOEXEC, 0o666) }
            guard descriptor >= 0 else { throw FileFailure(path, "cannot be created") }
            // File systems without locks (ENOLCK, ENOTSUP) cannot tell; a run there must not fail for that reason.
            if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
                let holder = Self.holder(descriptor)
                close(descriptor)
                throw Self.refusal(folder, holder)
            }
            // The previous holder may have removed the file after it was opened here.
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
        if let made { _ = made.withPathPointer { rmdir($0) } }
    }

    /// As ``init(making:)``; nil when another process holds the lock.
    ///
    /// - Throws: ``FileFailure`` if the folder or the lock file cannot be made.
    package static func ifFree(making folder: String) throws(FileFailure) -> FolderLock? {
        do { return try FolderLock(making: folder) } catch {
            if error.advice == inUse { return nil }
            throw error
        }
    }

    private static let inUse = "wait until it ends, or choose another folder"

    private static func refusal(_ folder: String, _ holder: Int?) -> FileFailure {
        FileFailure(
            folder, reason: "is in use by another run" + (holder.map { " (process \($0))" } ?? ""),
            advice: inUse,
            exitStatus: .failure)
    }

    private static func holder(_ descriptor: Int32) -> Int? {
        var digits = [UInt8](repeating: 0, count: 20)
        let count = digits.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        return Int(String(decoding: digits.prefix(max(count, 0)).prefix { $0 != 0x0A }, as: UTF8.self))
    }
}
