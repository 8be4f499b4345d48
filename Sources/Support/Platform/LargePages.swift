/// Memory in large pages, where the system has them: filling hundreds of megabytes in pages of 4 KiB spends a fifth
/// of the time of reading a file on taking pages.
package enum LargePages {
    /// Asks for large pages for the room that an array has reserved.
    package static func advise<Element>(_ array: inout [Element]) {
        #if os(Linux)
            let byteCount = array.capacity * MemoryLayout<Element>.stride
            guard byteCount >= 32 << 20 else { return }
            array.withUnsafeMutableBytes { buffer in
                guard let base = buffer.baseAddress else { return }
                let page = 4096
                let start = (Int(bitPattern: base) + page - 1) / page * page
                let end = (Int(bitPattern: base) + byteCount) / page * page
                // Only advice; without it all works, more slowly.
                if let address = UnsafeMutableRawPointer(bitPattern: start), end > start {
                    _ = madvise(address, end - start, MADV_HUGEPAGE)
                }
            }
        #endif
    }
}
