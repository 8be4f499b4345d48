import Foundation

/// The memory that the process holds at the moment.
enum ResidentMemory {
    /// Whether this system tells.
    static var isKnown: Bool { FileManager.default.isReadableFile(atPath: "/proc/self/statm") }

    /// Bytes in main memory.
    static var bytes: Int {
        let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
        let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}
