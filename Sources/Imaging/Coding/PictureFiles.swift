import Support

/// The pictures named by a command's arguments: files, folders, tar archives, and lists on standard input.
///
/// A name may hold ranges in braces (`{000000..000999}.tar`, ``BraceRange``). The pictures of an archive have paths like those
/// of a folder (`000000.tar/cat.jpg`) and the order of the archive. Of a folder, files with one of ``PictureExtensions`` are used, sorted by name. Everything else in it is counted, to
/// be reported to the user. A file that is named itself is always used.
package struct PictureFiles: Sendable {
    /// Paths, in the order of the arguments.
    package private(set) var paths: [String] = []

    /// The entries of the folders that are skipped.
    package private(set) var passedOver = PassedOver()

    private let isRecursive: Bool
    private let opensArchives: Bool

    /// The entries of the folders that are skipped.
    package struct PassedOver: Sendable, Hashable {
        /// Files and folders whose names begin with a dot: hidden ones, and those that macOS creates (`._a.jpg`).
        package var hidden = 0

        /// Other files that are not pictures, by their extension; empty for files without one.
        package var files: [String: Int] = [:]

        /// Subfolders.
        package var folders = 0

        /// A sentence that reports all of this; nil if nothing was skipped.
        package var note: String? {
            func count(_ number: Int, _ name: String) -> String {
                "\(number) \(name)\(number == 1 ? "" : "s")"
            }
            var parts: [String] = []
            if hidden > 0 { parts.append(count(hidden, "hidden file")) }
            for (kind, number) in files.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
                parts.append(
                    kind.isEmpty
                        ? count(number, "file") + " without extension" : count(number, ".\(kind) file"))
            }
            if folders > 0 { parts.append(count(folders, "sub-folder") + " (--recursive reads them)") }
            return parts.isEmpty ? nil : "skipped \(parts.joined(separator: ", "))"
        }
    }

    /// Searches files, folders and lists.
    ///
    /// - Parameters:
    ///   - arguments: Paths; `-` for a list of paths on standard input, one per line or NUL-terminated.
    ///   - isRecursive: Whether subfolders are searched too.
    ///   - opensArchives: Whether archives are replaced by their pictures; otherwise their own paths are listed.
    ///   - readList: The bytes of standard input.
    /// - Throws: ``ImagingError`` for a folder or archive that cannot be read or contains no pictures, and for a list that is
    ///   not text.
    package init(
        _ arguments: [String], isRecursive: Bool = false, opensArchives: Bool = true,
        readList: () throws -> [UInt8] = { [] }
    ) throws {
        self.isRecursive = isRecursive
        self.opensArchives = opensArchives
        for argument in arguments {
            guard argument == "-" else {
                try addAll(argument)
                continue
            }
            for path in try Self.list(readList()) { try addAll(path) }
        }
    }

    /// The paths of the pictures in an archive, in its order; everything else in it is counted.
    ///
    /// - Throws: ``ImagingError`` for an archive that cannot be read.
    package static func pictures(ofArchive path: String) throws -> (paths: [String], passedOver: PassedOver) {
        let archive: TarArchive
        do { archive = try TarArchive.shared(path) } catch { throw ImagingError(error) }
        var (paths, passedOver) = ([String](), PassedOver())
        // Of two files with one name the last is the one that is read; its place is that of the first.
        var seen: Set<String> = []
        for member in archive.members {
            let name = Path.name(member.name)
            if name.hasPrefix(".") {
                passedOver.hidden += 1
            } else if PictureExtensions.isPicture(name) {
                if seen.insert(member.name).inserted { paths.append("\(path)/\(member.name)") }
            } else {
                passedOver.files[Path.suffix(name), default: 0] += 1
            }
        }
        return (paths, passedOver)
    }

    /// Adds the names that a text stands for. One that is there as it is written needs no other meaning.
    private mutating func addAll(_ text: String) throws {
        guard text.contains("{"), FileStatus(text) == nil, TarArchive.archive(in: text) == nil else {
            return try add(text)
        }
        for path in try BraceRange.expanded(text) { try add(path) }
    }

    private mutating func addArchive(_ path: String) throws {
        let (found, passed) = try Self.pictures(ofArchive: path)
        guard !found.isEmpty else {
            throw ImagingError(
                path, reason: "is an archive without pictures" + (passed.note.map { "; \($0)" } ?? ""))
        }
        paths += found
        passedOver.hidden += passed.hidden
        passedOver.files.merge(passed.files, uniquingKeysWith: +)
    }

    /// The paths of a list: NUL-terminated if it contains a NUL (`find -print0`), otherwise one per line.
    ///
    /// - Throws: ``ImagingError`` for UTF-16.
    package static func list(_ bytes: [UInt8]) throws -> [String] {
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            throw ImagingError("the list of pictures", reason: "is UTF-16; it must be UTF-8")
        }
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let text = bytes.starts(with: mark) ? bytes[mark.count...] : bytes[...]
        let paths =
            text.contains(0)
            ? text.split(separator: 0) : text.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
        return paths.map { String(pathBytes: $0) }
    }

    private mutating func add(_ path: String) throws {
        guard let identity = FolderEntry.identity(ofFolder: path) else {
            if opensArchives, TarArchive.isArchive(path) { return try addArchive(path) }
            paths.append(path)
            return
        }
        let (before, passedBefore) = (paths.count, passedOver)
        try addContents(of: path, inside: [identity])
        guard paths.count == before else { return }
        let passed = passedOver == passedBefore ? nil : passedOver.note
        throw ImagingError(
            path, reason: "is a folder without pictures" + (passed.map { "; \($0)" } ?? ""))
    }

    /// - Parameter ancestors: The folder and the folders that contain it: a link to one of them would recurse forever.
    private mutating func addContents(of folder: String, inside ancestors: Set<FileIdentity>) throws {
        let entries: [FolderEntry]
        do { entries = try FolderEntry.all(in: folder) } catch {
            throw ImagingError(error.path, reason: error.reason)
        }
        for entry in entries {
            let path = folder.hasSuffix("/") ? folder + entry.name : "\(folder)/\(entry.name)"
            if entry.name.hasPrefix(".") {
                passedOver.hidden += 1
            } else if entry.isFolder {
                guard isRecursive, let identity = FolderEntry.identity(ofFolder: path),
                    !ancestors.contains(identity)
                else {
                    passedOver.folders += 1
                    continue
                }
                try addContents(of: path, inside: ancestors.union([identity]))
            } else if PictureExtensions.isPicture(entry.name) {
                paths.append(path)
            } else {
                passedOver.files[Path.suffix(entry.name), default: 0] += 1
            }
        }
    }
}
