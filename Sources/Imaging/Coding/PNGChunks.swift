import Support

/// The chunks of a PNG file (PNG specification, third edition, 5.3).
enum PNGChunks {
    /// The name of the first critical chunk whose checksum is wrong; nil if there is none.
    ///
    /// Decoders differ in what they check: libpng does, libvips with libspng decodes such a picture as if it were whole.
    /// A file that ends within a chunk is left to the decoder, and so are ancillary chunks, without which a picture is whole.
    static func damaged(_ bytes: UnsafeRawBufferPointer) -> String? {
        func number(_ at: Int) -> UInt32 {
            UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self))
        }
        var at = 8
        while at + 12 <= bytes.count {
            let length = Int(number(at))
            guard length <= bytes.count - at - 12 else { return nil }
            let content = UnsafeRawBufferPointer(rebasing: bytes[(at + 4)..<(at + 8 + length)])
            // The bit that makes a letter small marks ancillary chunks.
            if content[0] & 0x20 == 0, CRC32.checksum(content) != number(at + 8 + length) {
                return String(decoding: content.prefix(4), as: UTF8.self)
            }
            if content.starts(with: "IEND".utf8) { return nil }
            at += 12 + length
        }
        return nil
    }
}
