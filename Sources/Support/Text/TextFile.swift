/// A UTF-8 text file, as every command reads it: a byte-order mark is skipped, lines end with `\n`, `\r\n` or `\r`, and
/// a file in another encoding is refused with the name of the encoding.
///
/// In Swift `\r\n` is one `Character`, so splitting a text at `"\n"` finds no line breaks in a Windows file.
package struct TextFile: Sendable {
    /// The path; `-` for standard input.
    package let path: String

    /// The text without a byte-order mark.
    package let text: String

    /// Reads a file; `-` is standard input.
    ///
    /// - Throws: ``FileFailure`` if it cannot be read or is not UTF-8.
    package init(contentsOf path: String) throws(FileFailure) {
        let file = try FileBytes(contentsOf: path, access: .read)
        try self.init(file.bytes, path: path)
    }

    /// Decodes bytes; messages call them `path`.
    package init(_ bytes: UnsafeRawBufferPointer, path: String) throws(FileFailure) {
        if let encoding = Self.foreignEncoding(bytes) {
            throw FileFailure(path, reason: "is text in \(encoding), not UTF-8", advice: "save it as UTF-8")
        }
        let contents = Self.withoutMark(bytes)
        guard let text = String(validating: contents, as: UTF8.self) else {
            throw Self.invalid(contents, path: path)
        }
        if let place = contents.firstIndex(of: 0) {
            let line = contents[..<place].count { $0 == 0x0A } + 1
            throw FileFailure(
                path, reason: "is no text: line \(line) has a zero byte; lines end with a line feed")
        }
        self.path = path
        self.text = text
    }

    /// The lines without their line breaks, including empty ones; the last line break does not start another line.
    package var lines: [Substring] { Self.lines(of: text) }

    /// The contents of the lines, without surrounding whitespace. Empty lines are skipped, and so are lines that start
    /// with `#` if remarks are allowed.
    package func entries(remarks: Bool = true) -> [String] {
        lines.map { $0.trimmingBlanks() }.filter { !$0.isEmpty && !(remarks && $0.hasPrefix("#")) }
    }

    /// The lines of a text, split like those of a file.
    package static func lines(of text: some StringProtocol) -> [Substring] {
        let text = Substring(text)
        var lines: [Substring] = []
        let bytes = text.utf8
        var start = bytes.startIndex
        var index = start
        while index != bytes.endIndex {
            let byte = bytes[index]
            let next = bytes.index(after: index)
            guard byte == 0x0A || byte == 0x0D else {
                index = next
                continue
            }
            lines.append(text[start..<index])
            index =
                byte == 0x0D && next != bytes.endIndex && bytes[next] == 0x0A
                ? bytes.index(after: next) : next
            start = index
        }
        if start != bytes.endIndex { lines.append(text[start...]) }
        return lines
    }

    /// The bytes after a byte-order mark.
    package static func withoutMark(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? UnsafeRawBufferPointer(rebasing: bytes[3...]) : bytes
    }

    /// The name of an encoding with more than one byte per character; nil if the bytes are not in one.
    package static func foreignEncoding(_ bytes: UnsafeRawBufferPointer) -> String? {
        if bytes.starts(with: [0xFF, 0xFE, 0, 0]) || bytes.starts(with: [0, 0, 0xFE, 0xFF]) {
            return "UTF-32"
        }
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) { return "UTF-16" }
        // Without a mark: every second byte of ASCII characters is 0.
        let head = bytes.prefix(64)
        guard head.count >= 4, head.count.isMultiple(of: 2) else { return nil }
        let zeros = (0..<2).map { parity in
            stride(from: parity, to: head.count, by: 2).allSatisfy { head[$0] == 0 }
        }
        return zeros[0] != zeros[1] ? "UTF-16" : nil
    }

    private static func invalid(_ bytes: UnsafeRawBufferPointer, path: String) -> FileFailure {
        var parser = Unicode.UTF8.ForwardParser()
        var iterator = bytes.makeIterator()
        var (line, start, place) = (1, 0, 0)
        while case .valid(let character) = parser.parseScalar(from: &iterator) {
            place += character.count
            if character.first == 0x0A { (line, start) = (line + 1, place) }
        }
        let byte = String(bytes[min(place, bytes.count - 1)], radix: 16, uppercase: true)
        return FileFailure(
            path,
            reason: "is not UTF-8: line \(line) has the byte 0x\(byte) at position \(place - start + 1)",
            advice: "save it as UTF-8")
    }
}

/// A list of paths as printed by `find` and other programs: one per line, or each ended by a zero byte (`find
/// -print0`).
package enum PathList {
    /// Reads a list; `-` is standard input. Names keep their bytes, whether they are UTF-8 or not.
    ///
    /// - Throws: ``FileFailure`` if it cannot be read or is text in UTF-16.
    package static func read(_ path: String) throws(FileFailure) -> [String] {
        let file = try FileBytes(contentsOf: path, access: .read)
        return try paths(file.bytes, path: path)
    }

    /// The paths in these bytes.
    package static func paths(_ bytes: UnsafeRawBufferPointer, path: String) throws(FileFailure) -> [String] {
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            throw FileFailure(path, reason: "is text in UTF-16, not UTF-8", advice: "save it as UTF-8")
        }
        let bytes = TextFile.withoutMark(bytes)
        let parts =
            bytes.contains(0) ? bytes.split(separator: 0) : bytes.split { $0 == 0x0A || $0 == 0x0D }
        return parts.map { String(pathBytes: $0) }
    }
}

extension StringProtocol {
    /// The text without whitespace at both ends.
    package func trimmingBlanks() -> String {
        guard let first = firstIndex(where: { !$0.isWhitespace }),
            let last = lastIndex(where: { !$0.isWhitespace })
        else { return "" }
        return String(self[first...last])
    }

    /// The text on one line: runs of line breaks become a space.
    package var oneLine: String {
        split(whereSeparator: \.isNewline).joined(separator: " ")
    }
}

extension ConfigurationError {
    /// The text of a configuration file.
    package static func text(of path: String) throws -> String {
        do { return try TextFile(contentsOf: path).text } catch { throw ConfigurationError(error) }
    }
}
