import COCO
import Foundation
import Support

/// A file or folder that holds a data set of a format yet to be found.
package struct FormatSource: Sendable {
    /// The path.
    package let path: String

    /// Whether it is a folder.
    package let isFolder: Bool

    /// The names in the folder, sorted.
    package let names: [String]

    /// The beginning of the file.
    package let head: [UInt8]

    /// Looks at a file or folder.
    ///
    /// - Throws: `AnnotationFileError` when there is none or it cannot be read.
    package init(path: String) throws {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.path = path
        do {
            isFolder = FileStatus(path)?.kind == .folder
            names = isFolder ? try FolderEntry.all(in: path).map(\.name).filter { !$0.hasPrefix(".") } : []
            head = isFolder ? [] : try Self.head(of: path)
        } catch let failure as FileFailure { throw AnnotationFileError(failure) }
    }

    /// How much of a file tells its format.
    private static let headSize = 1 << 16

    private static func head(of path: String) throws -> [UInt8] {
        let file = try FileBytes(contentsOf: path)
        return withExtendedLifetime(file) { Array(file.bytes.prefix(headSize)) }
    }

    /// The folder that the source is, or lies in.
    package var folder: String { isFolder ? path : Path.parent(path) }

    /// The path of something in the folder.
    package func file(_ name: String) -> String { Path.join(folder, name) }

    /// Whether there is a folder of this name in the folder.
    package func hasFolder(_ name: String) -> Bool { FileStatus(file(name))?.kind == .folder }

    /// The names of the folder's files with one of these suffixes.
    package func names(suffix: String) -> [String] { names.filter { Path.suffix($0) == suffix } }

    // MARK: The beginning of the text

    /// The first file of the folder with this suffix, or the file itself.
    package func sample(suffix: String) -> FormatSource? {
        guard isFolder else { return Path.suffix(path) == suffix || !head.isEmpty ? self : nil }
        return names(suffix: suffix).first.flatMap { try? FormatSource(path: file($0)) }
    }

    /// The text of the beginning.
    private var text: String {
        let bytes = head.starts(with: [0xEF, 0xBB, 0xBF]) ? head.dropFirst(3) : head[...]
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The name of the first element of XML; nil for other text.
    package var xmlRoot: String? {
        var rest = text[...].drop(while: \.isWhitespace)
        while rest.first == "<" {
            if rest.hasPrefix("<?") || rest.hasPrefix("<!") {
                let mark = rest.hasPrefix("<!--") ? "-->" : ">"
                guard let end = rest.firstRange(of: mark) else { return nil }
                rest = rest[end.upperBound...].drop(while: \.isWhitespace)
                continue
            }
            return String(rest.dropFirst().prefix { !$0.isWhitespace && $0 != ">" && $0 != "/" })
        }
        return nil
    }

    /// The first line.
    package var firstLine: String { String(text.prefix { !$0.isNewline }) }

    /// The first character that is not white space.
    package var firstCharacter: Character? { text.first { !$0.isWhitespace } }

    /// The keys of JSON's outermost object, or of the first object in its list, as far as the beginning of the text has
    /// them, each with the beginning of its value.
    package var jsonKeys: [(key: String, value: String)] {
        var keys: [(key: String, value: String)] = []
        guard let first = firstCharacter, first == "{" || first == "[" else { return [] }
        let level = first == "{" ? 1 : 2
        var (depth, index) = (0, 0)
        var pending: String?
        while index < head.count {
            switch head[index] {
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth < level { return keys }
            case UInt8(ascii: "\""):
                let start = index + 1
                index = start
                while index < head.count, head[index] != UInt8(ascii: "\"") {
                    index += head[index] == UInt8(ascii: "\\") ? 2 : 1
                }
                guard index < head.count else { return keys }
                if depth == level { pending = String(decoding: head[start..<index], as: UTF8.self) }
            case UInt8(ascii: ":"):
                if depth == level, let key = pending {
                    let value = head[(index + 1)...].drop { $0 <= 0x20 }.prefix(400)
                    keys.append((key, String(decoding: value, as: UTF8.self)))
                    pending = nil
                }
            default: break
            }
            index += 1
        }
        return keys
    }

    /// Whether the beginning of the text holds some words.
    package func mentions(_ words: String) -> Bool { text.contains(words) }

    /// Whether JSON's outermost value is a list.
    package var isJSONList: Bool { firstCharacter == "[" }
}

extension AnnotationFileError {
    /// A fault at a byte.
    init(_ reason: String, at position: Int, in bytes: UnsafeRawBufferPointer, file: String) {
        var (line, start) = (1, 0)
        for index in 0..<min(position, bytes.count) where bytes[index] == 0x0A {
            (line, start) = (line + 1, index + 1)
        }
        self.init(file: file, line: line, column: position - start + 1, reason: reason)
    }
}

/// Files of a format that are opened, and whose faults are told with file and place.
enum FormatFile {
    /// Calls `body` with the bytes of a file.
    static func withBytes<Result>(_ path: String, _ body: (FileBytes) throws -> Result) throws -> Result {
        let file: FileBytes
        do { file = try FileBytes(contentsOf: path) } catch { throw AnnotationFileError(error) }
        do {
            return try withExtendedLifetime(file) { try body(file) }
        } catch let failure as XMLScanner.Failure {
            throw AnnotationFileError(failure.reason, at: failure.position, in: file.bytes, file: path)
        } catch let failure as JSONReader.Failure {
            throw AnnotationFileError(failure.reason, at: failure.position, in: file.bytes, file: path)
        } catch let failure as CSVReader.Failure {
            throw AnnotationFileError(file: path, line: failure.line, reason: failure.reason)
        }
    }

    /// Reads XML.
    static func xml<Result>(
        _ path: String, _ body: (inout XMLScanner, FileBytes) throws -> Result
    ) throws -> Result {
        try withBytes(path) { file in
            var scanner = try XMLScanner(file.bytes)
            return try body(&scanner, file)
        }
    }

    /// Reads JSON.
    static func json<Result>(
        _ path: String, _ body: (inout JSONReader, FileBytes) throws -> Result
    ) throws -> Result {
        try withBytes(path) { file in
            if let encoding = TextFile.foreignEncoding(file.bytes) {
                throw AnnotationFileError(file: path, reason: "the text is \(encoding); save it as UTF-8")
            }
            var reader = JSONReader(file.bytes)
            let result = try body(&reader, file)
            try reader.expectEnd()
            return result
        }
    }

    /// Reads a table.
    static func csv<Result>(
        _ path: String, _ body: (inout CSVReader, FileBytes) throws -> Result
    ) throws -> Result {
        try withBytes(path) { file in
            var reader = try CSVReader(file.bytes)
            return try body(&reader, file)
        }
    }
}
