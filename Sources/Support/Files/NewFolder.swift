/// A folder of many files that appear under its name only when all of them are complete.
///
/// Until then the folder is empty but for the lock of the run that makes it: another run is refused at its start, not when its
/// work is done.
package struct NewFolder: ~Copyable {
    /// The final path of the folder.
    package let path: String

    private let temporary: String
    private var lock: FolderLock?
    private var isFinished = false

    /// Creates a temporary folder next to `path`.
    ///
    /// - Throws: ``FileFailure`` if `path` exists and is not an empty folder, another run makes it, or it cannot be created.
    package init(path: String) throws(FileFailure) {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        try Self.check(path)
        // Its own folder is the user's: a mistyped path makes none.
        guard FileStatus(Path.parent(path)) != nil else {
            throw FileFailure(path, "cannot be created", code: ENOENT)
        }
        let lock = try FolderLock(making: path)
        // Meanwhile another run may have finished.
        try Self.check(path)
        let temporary = try Self.makeTemporary(beside: path)
        self.path = path
        self.temporary = temporary
        self.lock = lock
    }

    private static func check(_ path: String) throws(FileFailure) {
        guard let kind = FileStatus(path)?.kind else { return }
        guard kind == .folder else {
            throw FileFailure(
                path, reason: "is a file; choose the path of a new folder", exitStatus: .failure)
        }
        guard try Folder.names(in: path).allSatisfy({ $0 == FolderLock.fileName }) else {
            throw FileFailure(
                path, reason: "the folder is not empty; choose a new one", exitStatus: .failure)
        }
    }

    private static func makeTemporary(beside path: String) throws(FileFailure) -> String {
        let temporary = TemporaryName.beside(path)
        guard temporary.withPathPointer({ mkdir($0, 0o777) }) == 0 else {
            throw FileFailure(path, "cannot be created")
        }
        return temporary
    }

    deinit {
        if !isFinished { try? Folder.remove(temporary) }
    }

    /// Writes a file.
    ///
    /// - Parameter name: The file's path relative to the folder; intermediate folders are created.
    /// - Throws: ``FileFailure``.
    package func write(_ text: String, to name: String) throws(FileFailure) {
        try write(Array(text.utf8), to: name)
    }

    /// Writes a file, as ``write(_:to:)-(String,_)``.
    package func write(_ bytes: [UInt8], to name: String) throws(FileFailure) {
        try makeParent(of: name)
        let file = "\(temporary)/\(name)".withPathPointer { fopen($0, "wb") }
        guard let file else { throw FileFailure("\(path)/\(name)", "cannot be written") }
        let isWritten = bytes.withUnsafeBytes { bytes in
            bytes.baseAddress.map { fwrite($0, 1, bytes.count, file) == bytes.count } ?? true
        }
        // Closing writes buffered bytes.
        guard fclose(file) == 0, isWritten else { throw FileFailure("\(path)/\(name)", "cannot be written") }
    }

    /// Where a file of the folder lies until the folder is finished, for writers that need a path; intermediate folders are
    /// created.
    ///
    /// - Throws: ``FileFailure``.
    package func location(of name: String) throws(FileFailure) -> String {
        try makeParent(of: name)
        return "\(temporary)/\(name)"
    }

    /// Creates a symbolic link to a file, whose path is made absolute.
    ///
    /// - Throws: ``FileFailure``.
    package func link(_ target: String, as name: String) throws(FileFailure) {
        try makeParent(of: name)
        let isLinked = Path.absolute(target).withPathPointer { target in
            "\(temporary)/\(name)".withPathPointer { symlink(target, $0) }
        }
        guard isLinked == 0 else { throw FileFailure("\(path)/\(name)", "cannot be linked") }
    }

    /// Creates a folder inside.
    ///
    /// - Throws: ``FileFailure``.
    package func makeFolder(_ name: String) throws(FileFailure) { try makeParent(of: name + "/.") }

    private func makeParent(of name: String) throws(FileFailure) {
        guard let slash = name.lastIndex(of: "/") else { return }
        do { try Folder.make("\(temporary)/\(name[..<slash])") } catch {
            throw FileFailure("\(path)/\(name)", reason: error.reason, exitStatus: error.exitStatus)
        }
    }

    /// Renames the folder to its final name.
    ///
    /// - Throws: ``FileFailure``.
    package consuming func finish() throws(FileFailure) {
        lock = nil
        let isRenamed = temporary.withPathPointer { from in path.withPathPointer { rename(from, $0) } } == 0
        guard isRenamed else { throw FileFailure(path, "cannot be moved into place") }
        isFinished = true
    }
}
