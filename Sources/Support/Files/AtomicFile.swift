/// The C library's `open`, which a method with that name hides.
private func systemOpen(_ path: UnsafePointer<CChar>, _ flags: Int32) -> Int32 { open(path, flags, 0o666) }

/// A file that replaces an earlier one only when it is complete and on the disk.
///
/// The bytes are written to a temporary file in the same folder, which is renamed at the end. Any failure, including a
/// full disk, leaves the earlier file unchanged and nothing else behind. A link is followed, and the file that it
/// refers to is replaced. Pipes and devices, such as `/dev/stdout`, are written to directly.
package struct AtomicFile: ~Copyable {
    private let path: String

    /// Nil if the bytes are written to the path directly.
    private let temporary: String?

    /// The final location of the file: the path, or the file it links to.
    private let target: String
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private var isCommitted = false

    /// The number of bytes written so far.
    package private(set) var position = 0

    /// Writes a file at `path` with `body`.
    ///
    /// - Throws: ``FileFailure`` if the file cannot be written; errors thrown by `body`.
    package static func write(to path: String, _ body: (inout AtomicFile) throws -> Void) throws {
        var file = try AtomicFile(path: path)
        try body(&file)
        try file.commit()
    }

    /// Writes `bytes` to a file at `path`.
    package static func write(_ bytes: [UInt8], to path: String) throws(FileFailure) {
        var file = try AtomicFile(path: path)
        try file.write(bytes)
        try file.commit()
    }

    /// Writes `text` to a file at `path`.
    package static func write(_ text: String, to path: String) throws(FileFailure) {
        try write(Array(text.utf8), to: path)
    }

    /// Creates a temporary file next to `path`.
    package init(path: String) throws(FileFailure) {
        self.path = path
        (target, temporary, descriptor) = try Self.open(path)
        buffer.reserveCapacity(Self.bufferSize)
    }

    private static func open(
        _ path: String
    ) throws(FileFailure) -> (target: String, temporary: String?, descriptor: Int32) {
        let status = FileStatus(path)
        if status?.kind == .folder {
            throw FileFailure(path, reason: "cannot be replaced: it is a folder", exitStatus: .failure)
        }
        if let status, status.kind != .file {
            let descriptor = path.withPathPointer { systemOpen($0, O_WRONLY | O_CLOEXEC) }
            guard descriptor >= 0 else { throw FileFailure(path, "cannot be opened") }
            return (path, nil, descriptor)
        }
        let target = status == nil ? path : Path.resolved(path)
        let temporary = TemporaryName.beside(target)
        let descriptor = temporary.withPathPointer { systemOpen($0, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC) }
        guard descriptor >= 0 else { throw FileFailure(path, "cannot be created") }
        copyPermissions(of: target, to: descriptor)
        return (target, temporary, descriptor)
    }

    deinit {
        if descriptor >= 0 {
            close(descriptor)
            if !isCommitted, let temporary { _ = temporary.withPathPointer { unlink($0) } }
        }
    }

    private static let bufferSize = 1 << 16

    /// Keeps the permissions, so that a private file stays private.
    private static func copyPermissions(of path: String, to descriptor: Int32) {
        var status = stat()
        if path.withPathPointer({ stat($0, &status) }) == 0 {
            _ = fchmod(descriptor, status.st_mode & 0o7777)
        }
    }

    /// Appends `bytes`.
    package mutating func write(_ bytes: UnsafeRawBufferPointer) throws(FileFailure) {
        position += bytes.count
        if buffer.count + bytes.count <= Self.bufferSize {
            buffer.append(contentsOf: bytes)
        } else {
            try flush()
            try writeThrough(bytes)
        }
    }

    /// Appends `bytes`.
    package mutating func write(_ bytes: [UInt8]) throws(FileFailure) {
        try bytes.withUnsafeBufferPointer { (bytes) throws(FileFailure) in
            try write(UnsafeRawBufferPointer(bytes))
        }
    }

    private mutating func flush() throws(FileFailure) {
        try buffer.withUnsafeBufferPointer { (bytes) throws(FileFailure) in
            try writeThrough(UnsafeRawBufferPointer(bytes))
        }
        buffer.removeAll(keepingCapacity: true)
    }

    private func writeThrough(_ bytes: UnsafeRawBufferPointer) throws(FileFailure) {
        let code = Descriptor.write(bytes, to: descriptor)
        guard code == 0 else { throw FileFailure(path, "cannot be written", code: code) }
    }

    /// Renames the file to its final name, replacing any file with that name.
    package mutating func commit() throws(FileFailure) {
        try flush()
        guard let temporary else {
            isCommitted = true
            return
        }
        guard fsync(descriptor) == 0 else { throw FileFailure(path, "cannot be written to the disk") }
        let isRenamed = temporary.withPathPointer { from in target.withPathPointer { rename(from, $0) } } == 0
        guard isRenamed else { throw FileFailure(path, "cannot be moved into place") }
        isCommitted = true
        Folder.flush(Path.parent(target))
    }
}

/// Names within the limits of file systems.
package enum FileName {
    /// The bytes of a name that file systems allow.
    private static let limit = 255

    /// The part of a name before its ending, as much of it as leaves the name the 255 bytes that file systems allow.
    package static func shortened(_ stem: String, ending: String) -> String {
        var stem = stem
        while !stem.isEmpty, (stem + ending).pathBytes.count > limit { stem.removeLast() }
        return stem
    }

    /// The path of a file that goes with `path`, such as the record of a results file: its name and an ending, the same in
    /// every run. Where that is too long for file systems the name is shortened, and digits of its hash tell it from
    /// others.
    package static func companion(of path: String, ending: String) -> String {
        let name = Path.name(path)
        let bytes = name.pathBytes
        guard bytes.count + ending.utf8.count > limit else { return path + ending }
        let ending = "~\(SHA256.hash(bytes).hexadecimal.prefix(16))\(ending)"
        return TemporaryName.sibling(of: path, shortened(name, ending: ending) + ending)
    }
}

/// Names of incomplete files and folders.
package enum TemporaryName {
    /// An unused name next to `path`: a part of the path's own name, to show what it belongs to, and 64 random bits. It
    /// stays well below the 255 bytes that file systems allow, however long the path's own name is.
    package static func beside(_ path: String) -> String {
        var name = ""
        for character in Path.name(path) {
            guard name.utf8.count + character.utf8.count <= 64 else { break }
            name.append(character)
        }
        let random = String(UInt64.random(in: .min ... .max), radix: 36)
        return sibling(of: path, "\(name).\(random).tmp")
    }

    fileprivate static func sibling(of path: String, _ name: String) -> String {
        Path.join(path.contains("/") ? Path.parent(path) : "", name)
    }
}
