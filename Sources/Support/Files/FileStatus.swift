/// The system's information about a path; links are followed.
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

    /// The same for all names of one file: links, other spellings, other letter case on case-insensitive file systems.
    package let identity: FileIdentity

    /// The time of the last change of the contents, in nanoseconds since 1970.
    package let modification: Int64

    /// Nil if the path does not exist or cannot be examined; `errno` has the reason.
    package init?(_ path: String) {
        var status = stat()
        guard path.withPathPointer({ stat($0, &status) }) == 0 else { return nil }
        self.init(status)
    }

    /// Nil if the descriptor is not open.
    package init?(descriptor: Int32) {
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

extension FileStatus {
    /// Whether a path is that of a program that may be started.
    package static func isProgram(_ path: String) -> Bool {
        FileStatus(path)?.kind == .file && path.withPathPointer { access($0, X_OK) } == 0
    }

    /// The bytes that a user may still write to the file system of a path; nil when that cannot be told.
    package static func freeBytes(at path: String) -> Int? {
        var status = statvfs()
        guard path.withPathPointer({ statvfs($0, &status) }) == 0 else { return nil }
        return Int(clamping: UInt64(status.f_bavail).multipliedFullWidth(by: UInt64(status.f_frsize)).low)
    }
}

/// The identity of a file, independent of its name.
package struct FileIdentity: Sendable, Hashable {
    let device: UInt64
    let inode: UInt64

    init(device: UInt64, inode: UInt64) {
        self.device = device
        self.inode = inode
    }

    /// The identity of the file at `path`; nil if there is none.
    package init?(_ path: String) {
        guard let status = FileStatus(path) else { return nil }
        self = status.identity
    }
}
