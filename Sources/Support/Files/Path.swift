extension String {
    /// The path of a C string.
    package init(systemPath path: UnsafePointer<CChar>) {
        self.init(pathBytes: UnsafeRawBufferPointer(start: path, count: strlen(path)))
    }
}

/// The words of the command line.
package enum CommandLineWords {
    /// The arguments without the program's name. Those that are not UTF-8 keep their bytes, as paths do.
    package static var arguments: [String] {
        (1..<max(1, Int(CommandLine.argc))).compactMap { index in
            CommandLine.unsafeArgv[index].map { String(systemPath: $0) }
        }
    }
}

/// Paths as text: joining and taking apart.
package enum Path {
    /// `name` below `folder`; `name` itself when it is absolute.
    package static func join(_ folder: String, _ name: String) -> String {
        if name.hasPrefix("/") || folder.isEmpty { return name }
        return folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
    }

    /// The last part of a path.
    package static func name(_ path: String) -> String {
        let path = trimmed(path)
        return path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
    }

    /// The folder that a path lies in; `.` when the path does not say.
    package static func parent(_ path: String) -> String {
        let path = trimmed(path)
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// What follows the last dot of the name, in small letters; empty for names without one and for `.name`.
    package static func suffix(_ path: String) -> String {
        let name = name(path)
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return "" }
        return name[name.index(after: dot)...].lowercased()
    }

    /// The name without its last dot and what follows.
    package static func stem(_ path: String) -> String {
        let name = name(path)
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return name }
        return String(name[..<dot])
    }

    /// The path without `.`, doubled slashes and a slash at its end; `..` stays, since a link may come before it.
    package static func normalized(_ path: String) -> String {
        let parts = path.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
        if path.hasPrefix("/") { return "/" + parts }
        return parts.isEmpty ? "." : parts
    }

    /// The path from the root, without `.` and doubled slashes.
    package static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return normalized(path) }
        guard let current = getcwd(nil, 0) else { return normalized(path) }
        defer { free(current) }
        return normalized(join(String(systemPath: current), path))
    }

    private static func trimmed(_ path: String) -> String {
        var path = path[...]
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        return String(path)
    }
}

/// File names as text, without loss.
///
/// A name on Linux is any sequence of bytes; a `String` holds only those that are UTF-8. A byte that is not part of
/// valid UTF-8 is kept as the character U+10FF00 + byte, of a private-use plane that no name is likely to use (one
/// that does is kept byte by byte in the same way), and becomes that byte again where a file is opened.
extension String {
    /// The text that stands for a name of these bytes.
    package init(pathBytes bytes: some Sequence<UInt8>) {
        let bytes = Array(bytes)
        if let text = String(validating: bytes, as: UTF8.self), !text.holdsRawBytes {
            self = text
            return
        }
        var result = String.UnicodeScalarView()
        var decoder = UTF8()
        var start = 0
        while start < bytes.count {
            var rest = bytes[start...].makeIterator()
            if case .scalarValue(let scalar) = decoder.decode(&rest), !Self.rawBytes.contains(scalar.value) {
                result.append(scalar)
                start += UTF8.width(scalar)
            } else {
                // ASCII is always valid, so that the byte is at least 0x80.
                result.append(Unicode.Scalar(Self.rawBase + UInt32(bytes[start])) ?? "\u{FFFD}")
                start += 1
            }
            decoder = UTF8()
        }
        self = String(result)
    }

    /// The bytes of the name that this text stands for.
    package var pathBytes: [UInt8] {
        guard holdsRawBytes else { return Array(utf8) }
        var bytes: [UInt8] = []
        for scalar in unicodeScalars {
            if Self.rawBytes.contains(scalar.value) {
                bytes.append(UInt8(scalar.value - Self.rawBase))
            } else {
                bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            }
        }
        return bytes
    }

    /// Calls `body` with the name as the system takes it.
    package func withPathPointer<Result>(_ body: (UnsafePointer<CChar>) throws -> Result) rethrows -> Result {
        guard holdsRawBytes else { return try withCString(body) }
        return try body(pathBytes.map { CChar(bitPattern: $0) } + [0])
    }

    /// The name for people and for JSON: U+FFFD for every byte that is no text.
    package var displayedPath: String {
        holdsRawBytes ? String(decoding: pathBytes, as: UTF8.self) : self
    }

    /// Whether some of the name is no UTF-8.
    private var holdsRawBytes: Bool {
        // The first byte of the characters in question, which is rare elsewhere.
        utf8.contains(0xF4) && unicodeScalars.contains { Self.rawBytes.contains($0.value) }
    }

    private static var rawBase: UInt32 { 0x10FF00 }
    private static var rawBytes: ClosedRange<UInt32> { 0x10FF80...0x10FFFF }
}
