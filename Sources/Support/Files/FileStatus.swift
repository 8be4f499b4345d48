/// What a path names, as the system tells it; links are followed.
package struct FileStatus: Sendable {
    /// The kinds of files.
    package enum Kind: Sendable, Hashable {
        case file
        case folder

        /// A pipe or a socket.
        case pipe

        /// A device, such as a terminal.
        case device
    }

    package let kind: Kind

    /// The length of a file.
    package let byteCount: Int

    /// The same for all names of one file: links, other spellings, other letter case where the file system has none.
    package let identity: FileIdentity

    /// When the contents were changed last, in nanoseconds since 1970.
    package let modification: Int64

    /// Nil when nothing is there or it cannot be examined; `errno` says why.
    package init?(_ path: String) {
        var status = stat()
        guard path.withPathPointer({ stat($0, &status) }) == 0 else { return nil }
        self.init(status)
    }

    init?(descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        self.init(status)
    }

    private init(_ status: stat) {
        switch status.st_mode & S_IFMT {
        case S_IFREG: kind = .file
        case S_IFDIR: kind = .folder
        case S_IFIFO, S_IFSOCK: kind = .pipe
        default: kind = .device
        }
        byteCount = Int(status.st_size)
        identity = FileIdentity(
            device: UInt64(truncatingIfNeeded: status.st_dev),
            inode: UInt64(truncatingIfNeeded: status.st_ino))
        #if os(Linux)
            let time = status.st_mtim
        #else
            let time = status.st_mtimespec
        #endif
        modification = Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}

/// A file apart from its name.
package struct FileIdentity: Sendable, Hashable {
    let device: UInt64
    let inode: UInt64

    init(device: UInt64, inode: UInt64) {
        self.device = device
        self.inode = inode
    }

    /// The file at `path`; nil when there is none.
    package init?(_ path: String) {
        guard let status = FileStatus(path) else { return nil }
        self = status.identity
    }
}

/// The files that a program reads, which none of its outputs may replace.
package struct InputFiles: Sendable {
    private var paths: [FileIdentity: String] = [:]

    /// The files at these paths; those that are not there are left to their reader.
    package init(_ paths: some Sequence<String> = []) {
        for path in paths { add(path) }
    }

    /// Adds a file. Pipes and devices, such as `/dev/stdin`, can be read and written at once.
    package mutating func add(_ path: String) {
        guard let status = FileStatus(path), status.kind == .file || status.kind == .folder else { return }
        if paths[status.identity] == nil { paths[status.identity] = path }
    }

    /// The input that writing to `output` would replace, by the name that it was given under; nil when there is none.
    package func replaced(by output: String) -> String? { FileIdentity(output).flatMap { paths[$0] } }

    /// Refuses an output that is one of the inputs.
    package func check(output: String) throws(FileFailure) {
        guard let input = replaced(by: output) else { return }
        throw FileFailure(
            output,
            reason: input == output ? "is read by this command" : "is the input \(input) under another name",
            advice: "name another output", exitStatus: .usage)
    }
}

/// Folders.
package enum Folder {
    /// The names in a folder, without `.` and `..`, in the order of their bytes.
    package static func names(in path: String) throws(FileFailure) -> [String] {
        try FolderEntry.all(in: path).map(\.name)
    }

    /// Makes a folder and those above it; nothing when it is there.
    package static func make(_ path: String) throws(FileFailure) {
        if let status = FileStatus(path) {
            guard status.kind == .folder else {
                throw FileFailure(
                    path, reason: "is a file, where a folder is needed", exitStatus: .failure)
            }
            return
        }
        let parent = Path.parent(path)
        if parent != path { try make(parent) }
        // Another process may have made it meanwhile.
        guard path.withPathPointer({ mkdir($0, 0o777) }) == 0 || errno == EEXIST else {
            throw FileFailure(path, "the folder cannot be made")
        }
    }

    /// Removes a file or a folder with all that is in it; links are removed, not followed. Nothing when it is not there.
    package static func remove(_ path: String) throws(FileFailure) {
        guard path.withPathPointer({ unlink($0) }) != 0, errno != ENOENT else { return }
        var status = stat()
        guard path.withPathPointer({ lstat($0, &status) }) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw FileFailure(path, "cannot be removed")
        }
        for name in try names(in: path) { try remove(Path.join(path, name)) }
        guard path.withPathPointer({ rmdir($0) }) == 0 else { throw FileFailure(path, "cannot be removed") }
    }

    /// Brings the entries of a folder to the disk. Some file systems cannot; that is no reason to fail, since the files
    /// themselves are complete.
    package static func flush(_ path: String) {
        let descriptor = path.withPathPointer { open($0, O_RDONLY | O_CLOEXEC) }
        guard descriptor >= 0 else { return }
        _ = fsync(descriptor)
        close(descriptor)
    }
}
