/// Memory in large pages, where the system has them: filling hundreds of megabytes in pages of 4 KiB spends a fifth
/// of the time of reading a file on taking pages.
package enum LargePages {
    /// Asks for large pages for the room that an array has reserved.
    package static func advise<Element>(_ array: inout [Element]) {
        let byteCount = array.capacity * MemoryLayout<Element>.stride
        array.withUnsafeMutableBytes { buffer in
            if let base = buffer.baseAddress { advise(base, byteCount: byteCount) }
        }
    }

    /// Asks for large pages for fresh memory; nothing happens below 32 MB.
    package static func advise(_ start: UnsafeMutableRawPointer, byteCount: Int) {
        #if os(Linux)
            guard byteCount >= 32 << 20 else { return }
            let page = max(sysconf(Int32(_SC_PAGESIZE)), 1)
            let first = (Int(bitPattern: start) + page - 1) / page * page
            let end = (Int(bitPattern: start) + byteCount) / page * page
            // Only advice; without it all works, more slowly.
            if let address = UnsafeMutableRawPointer(bitPattern: first), end > first {
                _ = madvise(address, end - first, MADV_HUGEPAGE)
            }
        #endif
    }
}
