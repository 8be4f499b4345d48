import CZlib

/// The checksum of zip archives (polynomial of IEEE 802.3).
enum CRC32 {
    /// The checksum of `bytes`, or of bytes before them with the checksum `start`, continued.
    static func checksum(_ bytes: UnsafeRawBufferPointer, continuing start: UInt32 = 0) -> UInt32 {
        UInt32(
            truncatingIfNeeded: crc32_z(
                UInt(start), bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count))
    }
}
