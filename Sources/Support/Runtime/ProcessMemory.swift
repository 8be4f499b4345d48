/// The main memory of this process, as reported by Linux; always nil on other systems.
package enum ProcessMemory {
    /// The number of bytes in main memory now.
    package static var residentBytes: Int? { status("VmRSS:") }

    /// The peak number of bytes in main memory.
    package static var peakBytes: Int? { status("VmHWM:") }

    /// The number of bytes in main memory that belong to no file, such as results of computations.
    package static var anonymousBytes: Int? { status("RssAnon:") }

    /// A value from the process's status file, which counts in units of 1,024 bytes.
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

/// Memory in large pages, if the system has them: reading hundreds of megabytes into pages of 4 KiB spends a fifth of
/// the time on page faults.
package enum LargePages {
    /// Requests large pages for the capacity that an array has reserved.
    package static func advise<Element>(_ array: inout [Element]) {
        let byteCount = array.capacity * MemoryLayout<Element>.stride
        array.withUnsafeMutableBytes { buffer in
            if let base = buffer.baseAddress { advise(base, byteCount: byteCount) }
        }
    }

    /// Requests large pages for fresh memory; does nothing below 32 MB.
    package static func advise(_ start: UnsafeMutableRawPointer, byteCount: Int) {
        #if os(Linux)
            guard byteCount >= 32 << 20 else { return }
            let page = max(sysconf(Int32(_SC_PAGESIZE)), 1)
            let first = (Int(bitPattern: start) + page - 1) / page * page
            let end = (Int(bitPattern: start) + byteCount) / page * page
            // This is only advice; everything works without it, more slowly.
            if let address = UnsafeMutableRawPointer(bitPattern: first), end > first {
                _ = madvise(address, end - first, MADV_HUGEPAGE)
            }
        #endif
    }
}
