import Foundation
import Support

/// What the first directory of a TIFF file says about the order of its pixels (TIFF 6.0, section 15; BigTIFF).
enum TIFFLayout {
    /// Whether a file is a TIFF whose pixels are stored in tiles, so that a part of it is read without the rest.
    ///
    /// - Throws: ``ImagingError`` for a file that cannot be opened.
    static func isTiled(_ path: String) throws -> Bool {
        // A picture in an archive is read as a whole.
        if TarArchive.archive(in: path) != nil { return false }
        let descriptor = path.withPathPointer { open($0, O_RDONLY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw ImagingError(FileFailure(path, "cannot be opened")) }
        defer { close(descriptor) }
        // A pipe cannot be read out of order.
        guard FileStatus(path)?.kind == .file else { return false }
        func bytes(_ count: Int, at offset: UInt64) -> [UInt8]? {
            guard let place = off_t(exactly: offset) else { return nil }
            var bytes = [UInt8](repeating: 0, count: count)
            return pread(descriptor, &bytes, count, place) == count ? bytes : nil
        }
        guard let head = bytes(16, at: 0) else { return false }
        let isLittle: Bool
        switch (head[0], head[1]) {
        case (0x49, 0x49): isLittle = true
        case (0x4D, 0x4D): isLittle = false
        default: return false
        }
        func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
            (isLittle ? Array(bytes.reversed()) : Array(bytes)).reduce(0) { $0 << 8 | UInt64($1) }
        }
        let isBig: Bool
        switch number(head[2..<4]) {
        case 42: isBig = false
        case 43: isBig = true
        default: return false
        }
        // A count of entries, then entries that begin with their tag.
        let (countSize, entrySize) = isBig ? (8, 20) : (2, 12)
        let start = number(isBig ? head[8..<16] : head[4..<8])
        guard let count = bytes(countSize, at: start).map({ number($0[...]) }), (1...65_535).contains(count),
            start <= UInt64(Int64.max) - 16,
            let entries = bytes(Int(count) * entrySize, at: start + UInt64(countSize))
        else { return false }
        let tileWidth: UInt64 = 322
        return stride(from: 0, to: entries.count, by: entrySize).contains {
            number(entries[$0..<$0 + 2]) == tileWidth
        }
    }
}
