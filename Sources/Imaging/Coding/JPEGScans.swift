/// The scans of a JPEG file.
enum JPEGScans {
    /// Counts start-of-scan markers (ITU T.81, B.1.1), stopping beyond `limit`.
    static func count(_ bytes: UnsafeRawBufferPointer, upTo limit: Int) -> Int {
        var scans = 0
        var at = 2
        while at + 3 < bytes.count, scans <= limit {
            // Entropy-coded data hold 0xFF only before a zero or a restart marker.
            guard bytes[at] == 0xFF else {
                at += 1
                continue
            }
            let marker = bytes[at + 1]
            switch marker {
            case 0xFF:
                at += 1
            case 0x00, 0x01, 0xD0...0xD8:
                at += 2
            case 0xD9:
                return scans
            default:
                if marker == 0xDA { scans += 1 }
                at += 2 + (Int(bytes[at + 2]) << 8 | Int(bytes[at + 3]))
            }
        }
        return scans
    }
}
