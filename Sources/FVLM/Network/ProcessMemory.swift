import Foundation

/// The main memory of this process, as Linux tells it.
public enum ProcessMemory {
    /// Bytes that are in main memory now; nil where the system does not tell.
    public static var residentBytes: Int? {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8),
            let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { return nil }
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }

    /// The most bytes that were in main memory at one time; nil where the system does not tell.
    public static var peakBytes: Int? { status("VmHWM:") }

    /// Bytes in main memory that are no file's, such as results of computations; nil where the system does not tell.
    public static var anonymousBytes: Int? { status("RssAnon:") }

    /// A line of the process's status, which counts in units of 1,024 bytes.
    private static func status(_ name: String) -> Int? {
        guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else { return nil }
        let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
        return line.flatMap { Int($0.filter(\.isNumber)) }.map { $0 << 10 }
    }
}
