/// What is in a folder.
package struct FolderEntry: Sendable, Hashable {
    /// Its name, as ``Swift/String/init(pathBytes:)`` makes it.
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

    /// What tells a folder from all others, by whatever path it is reached; nil when `path` is none.
    package static func identity(ofFolder path: String) -> FileIdentity? {
        FileStatus(path).flatMap { $0.kind == .folder ? $0.identity : nil }
    }
}
