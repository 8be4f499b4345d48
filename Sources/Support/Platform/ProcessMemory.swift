/// The main memory of this process, as Linux reports it; nil everywhere on other systems.
package enum ProcessMemory {
    /// Bytes that are in main memory now.
    package static var residentBytes: Int? { status("VmRSS:") }

    /// The most bytes that were in main memory at one time.
    package static var peakBytes: Int? { status("VmHWM:") }

    /// Bytes in main memory that belong to no file, such as results of computations.
    package static var anonymousBytes: Int? { status("RssAnon:") }

    /// A line of the process's status, which counts in units of 1,024 bytes.
    private static func status(_ name: String) -> Int? {
        let descriptor = open("/proc/self/status", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        let text = String(unsafeUninitializedCapacity: 4096) {
            max(read(descriptor, $0.baseAddress, $0.count), 0)
        }
        let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
        return line.flatMap { Int($0.filter(\.isNumber)) }.map { $0 << 10 }
    }
}
