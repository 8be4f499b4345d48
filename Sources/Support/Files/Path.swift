extension String {
    /// Creates a path from a C string.
    package init(systemPath path: UnsafePointer<CChar>) {
        self.init(pathBytes: UnsafeRawBufferPointer(start: path, count: strlen(path)))
    }
}

/// The words of the command line and of the environment, which keep their bytes where they are not UTF-8, as paths do.
package enum ProcessWords {
    /// The arguments without the program's name.
    package static var arguments: [String] { Array(all.dropFirst()) }

    /// The name or path by which the program was called.
    package static var program: String { all.first ?? "" }

    /// The path of the program's file, with links resolved; nil where the system does not tell.
    package static var executable: String? {
        #if os(Linux)
            let path = "/proc/self/exe"
        #else
            guard let path = Bundle.main.executablePath else { return nil }
        #endif
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(systemPath: resolved)
    }

    private static var all: [String] {
        (0..<Int(CommandLine.argc)).compactMap { index in
            CommandLine.unsafeArgv[index].map { String(systemPath: $0) }
        }
    }

    /// The variables of the environment.
    package static var environment: [String: String] {
        var result: [String: String] = [:]
        var next = systemEnvironment
        while let variables = next, let variable = variables.pointee {
            let bytes = UnsafeRawBufferPointer(start: variable, count: strlen(variable))
            if let equals = bytes.firstIndex(of: UInt8(ascii: "=")) {
                result[String(pathBytes: bytes[..<equals])] = String(pathBytes: bytes[(equals + 1)...])
            }
            next = variables + 1
        }
        return result
    }
}

/// Joins and splits paths as text.
package enum Path {
    /// `name` relative to `folder`; `name` itself if it is absolute.
    package static func join(_ folder: String, _ name: String) -> String {
        if name.hasPrefix("/") || folder.isEmpty { return name }
        return folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
    }

    /// The last component of a path.
    package static func name(_ path: String) -> String {
        let path = trimmed(path)
        return path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
    }

    /// The folder that contains a path; `.` if the path has no folder.
    package static func parent(_ path: String) -> String {
        let path = trimmed(path)
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// The part after the last dot of the name, in lower case; empty for names without a dot and for `.name`.
    package static func suffix(_ path: String) -> String {
        let name = name(path)
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return "" }
        return name[name.index(after: dot)...].lowercased()
    }

    /// The name without its last dot and the part after it.
    package static func stem(_ path: String) -> String {
        let name = name(path)
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return name }
        return String(name[..<dot])
    }

    /// The path without `.`, repeated slashes and a trailing slash; `..` is kept, because a link may precede it.
    package static func normalized(_ path: String) -> String {
        let parts = path.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
        if path.hasPrefix("/") { return "/" + parts }
        return parts.isEmpty ? "." : parts
    }

    /// The path from the root, without `.` and repeated slashes.
    package static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return normalized(path) }
        guard let current = getcwd(nil, 0) else { return normalized(path) }
        defer { free(current) }
        return normalized(join(String(systemPath: current), path))
    }

    /// The absolute path without `..`, which counts as the folder above in the path, whether or not a link precedes it.
    package static func standardized(_ path: String) -> String {
        var parts: [Substring] = []
        for part in absolute(path).split(separator: "/") {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }

    /// The absolute path with links resolved; of one that is not there, only what leads to it is.
    package static func resolved(_ path: String) -> String {
        var (place, rest) = (absolute(path), "")
        while true {
            if let real = place.withPathPointer({ realpath($0, nil) }) {
                defer { free(real) }
                return rest.isEmpty ? String(systemPath: real) : join(String(systemPath: real), rest)
            }
            guard place != "/" else { return absolute(path) }
            rest = rest.isEmpty ? name(place) : join(name(place), rest)
            place = parent(place)
        }
    }

    private static func trimmed(_ path: String) -> String {
        var path = path[...]
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        return String(path)
    }
}

/// File names as text, without loss.
///
/// A name on Linux is any sequence of bytes; a `String` can represent only UTF-8. A byte that is not part of valid
/// UTF-8 is kept as the character U+10FF00 + byte, in a private-use plane that names are unlikely to use (a name that
/// does is kept byte by byte in the same way), and is converted back to that byte when a file is opened.
extension String {
    /// Creates the text for a name with these bytes.
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
                // ASCII is always valid, so the byte is at least 0x80.
                result.append(Unicode.Scalar(Self.rawBase + UInt32(bytes[start])) ?? "\u{FFFD}")
                start += 1
            }
            decoder = UTF8()
        }
        self = String(result)
    }

    /// The bytes of the name that this text represents.
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

    /// Calls `body` with the name in the system's form.
    package func withPathPointer<Result>(_ body: (UnsafePointer<CChar>) throws -> Result) rethrows -> Result {
        guard holdsRawBytes else { return try withCString(body) }
        return try body(pathBytes.map { CChar(bitPattern: $0) } + [0])
    }

    /// The name for display and for JSON, with U+FFFD for every byte that is not text.
    package var displayedPath: String {
        holdsRawBytes ? String(decoding: pathBytes, as: UTF8.self) : self
    }

    /// The bytes of the name as a part of an address: what is neither a letter, a digit nor one of `-._~` of ASCII, nor in
    /// `kept`, as a percent sign and two digits.
    package func percentEncodedPath(keeping kept: String = "") -> String {
        let kept = Set("-._~".utf8).union(kept.utf8)
        var result = ""
        for byte in pathBytes {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: result.unicodeScalars.append(Unicode.Scalar(byte))
            case _ where kept.contains(byte): result.unicodeScalars.append(Unicode.Scalar(byte))
            default: result += (byte < 16 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
            }
        }
        return result
    }

    /// The name in a part of an address, of whatever bytes; nil where a percent sign is not followed by two digits.
    package var percentDecodedPath: String? {
        var bytes: [UInt8] = []
        var rest = utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = rest.prefix(2)
            guard digits.count == 2, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
                let value = UInt8(String(Substring(digits)), radix: 16), value != 0
            else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(pathBytes: bytes)
    }

    /// Whether a part of the name is not UTF-8.
    private var holdsRawBytes: Bool {
        // The first byte of these characters, which is rare elsewhere.
        utf8.contains(0xF4) && unicodeScalars.contains { Self.rawBytes.contains($0.value) }
    }

    private static var rawBase: UInt32 { 0x10FF00 }
    private static var rawBytes: ClosedRange<UInt32> { 0x10FF80...0x10FFFF }
}

/// The rule by which every command recognizes the pictures in a folder: their extension.
///
/// A file that is named explicitly is read regardless of its name; then its contents decide.
package enum PictureExtensions {
    /// The extensions of all formats that can be decoded, in lower case.
    package static let all: Set<String> = [
        "jpg", "jpeg", "jpe", "jfif", "mpo", "png", "webp", "gif", "tif", "tiff", "heic", "heif", "avif",
    ]

    /// Whether a file name or path belongs to a picture. Hidden files, such as the `._a.jpg` that macOS creates next to
    /// `a.jpg`, do not count.
    package static func isPicture(_ path: String) -> Bool {
        !Path.name(path).hasPrefix(".") && all.contains(Path.suffix(path))
    }
}
