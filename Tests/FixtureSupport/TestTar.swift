/// Tar archives for tests, made byte by byte.
public enum TestTar {
    /// A header and contents, filled up to a whole number of blocks.
    public static func entry(
        _ name: String, _ contents: some Collection<UInt8>, kind: Character = "0", prefix: String = ""
    ) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, _ place: Int) {
            for (offset, byte) in text.utf8.enumerated() { header[place + offset] = byte }
        }
        func octal(_ value: Int, _ digits: Int) -> String {
            let text = String(value, radix: 8)
            return String(repeating: "0", count: digits - text.count) + text
        }
        put(String(name.prefix(100)), 0)
        put("0000644\0", 100)
        put(octal(contents.count, 11), 124)
        put("        ", 148)
        put(String(kind), 156)
        put("ustar\u{0}00", 257)
        put(prefix, 345)
        put(octal(header.reduce(0) { $0 + Int($1) }, 6) + "\0 ", 148)
        let rest = (512 - contents.count % 512) % 512
        return header + contents + [UInt8](repeating: 0, count: rest)
    }

    /// An archive of files.
    public static func archive(_ files: [(name: String, contents: [UInt8])]) -> [UInt8] {
        files.flatMap { entry($0.name, $0.contents) } + end
    }

    /// The end of an archive.
    public static let end = [UInt8](repeating: 0, count: 1024)
}
