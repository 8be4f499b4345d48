import Support
import Foundation

/// A folder of many files that appears under its name only when all of it is written.
package struct NewFolder: ~Copyable {
    /// The path that the folder will have.
    package let path: String

    private let temporary: String
    private var isFinished = false

    /// Begins a folder beside `path`.
    ///
    /// - Throws: ``AnnotationFileError`` when there is something at `path` already, other than an empty folder, or
    ///   the folder cannot be made.
    package init(path: String) throws {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        let temporary = try Self.makeTemporary(beside: path)
        self.path = path
        self.temporary = temporary
    }

    private static func makeTemporary(beside path: String) throws -> String {
        if let contents = try? FileManager.default.contentsOfDirectory(atPath: path) {
            guard contents.isEmpty else {
                throw AnnotationFileError(
                    file: path, kind: .inaccessible, reason: "the folder is not empty; name a new one")
            }
        } else if FileManager.default.fileExists(atPath: path) {
            throw AnnotationFileError(
                file: path, kind: .inaccessible, reason: "is a file; the path of a new folder is needed")
        }
        let temporary = TemporaryName.beside(path)
        guard mkdir(temporary, 0o777) == 0 else { throw failure(path, "cannot be made") }
        return temporary
    }

    deinit {
        if !isFinished { try? FileManager.default.removeItem(atPath: temporary) }
    }

    private static func failure(_ path: String, _ what: String) -> AnnotationFileError {
        AnnotationFileError(
            file: path, kind: .inaccessible, reason: "\(what): \(String(cString: strerror(errno)))")
    }

    /// Writes a file.
    ///
    /// - Parameter name: its path below the folder; folders between are made.
    /// - Throws: ``AnnotationFileError``.
    package func write(_ text: String, to name: String) throws {
        try makeParent(of: name)
        guard let file = fopen("\(temporary)/\(name)", "wb") else {
            throw Self.failure("\(path)/\(name)", "cannot be written")
        }
        var text = text
        let isWritten = text.withUTF8 { bytes in
            bytes.baseAddress.map { fwrite($0, 1, bytes.count, file) == bytes.count } ?? true
        }
        // Closing writes what is still held back.
        guard fclose(file) == 0, isWritten else { throw Self.failure("\(path)/\(name)", "cannot be written") }
    }

    /// Makes a symbolic link to a file, whose path is made absolute.
    ///
    /// - Throws: ``AnnotationFileError``.
    package func link(_ target: String, as name: String) throws {
        try makeParent(of: name)
        let absolute = URL(filePath: target).standardizedFileURL.path
        guard symlink(absolute, "\(temporary)/\(name)") == 0 else {
            throw Self.failure("\(path)/\(name)", "cannot be linked")
        }
    }

    /// Makes a folder inside.
    ///
    /// - Throws: ``AnnotationFileError``.
    package func makeFolder(_ name: String) throws { try makeParent(of: name + "/.") }

    private func makeParent(of name: String) throws {
        guard let slash = name.lastIndex(of: "/") else { return }
        let parent = "\(temporary)/\(name[..<slash])"
        do {
            try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
        } catch {
            throw AnnotationFileError(
                file: "\(path)/\(name)", kind: .inaccessible,
                reason: "the folder cannot be made: \(error.localizedDescription)")
        }
    }

    /// Gives the folder its name.
    ///
    /// - Throws: ``AnnotationFileError``.
    package consuming func finish() throws {
        guard rename(temporary, path) == 0 else { throw Self.failure(path, "cannot be put in place") }
        isFinished = true
    }
}
