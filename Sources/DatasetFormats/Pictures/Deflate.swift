import COCO
import CZlib

/// Bytes in zlib's format.
enum Deflate {
    /// The bytes that were packed.
    ///
    /// - Throws: `COCOError` when they are damaged or more than `limit`.
    static func inflated(_ packed: [UInt8], limit: Int) throws -> [UInt8] {
        // No stream of zlib's unpacks to more than 1,032 times its length.
        let limit = min(limit, 1100 * packed.count + 1024)
        var capacity = max(1 << 12, 4 * packed.count)
        while true {
            var result = [UInt8](repeating: 0, count: min(capacity, limit))
            var length = uLong(result.count)
            let status = uncompress(&result, &length, packed, uLong(packed.count))
            if status == Z_OK { return Array(result.prefix(Int(length))) }
            guard status == Z_BUF_ERROR, capacity < limit else { throw COCOError("packed bytes are damaged") }
            capacity *= 4
        }
    }

    /// The bytes packed.
    static func deflated(_ bytes: [UInt8]) -> [UInt8] {
        var packed = [UInt8](repeating: 0, count: Int(compressBound(uLong(bytes.count))))
        var length = uLong(packed.count)
        compress2(&packed, &length, bytes, uLong(bytes.count), 6)
        return Array(packed.prefix(Int(length)))
    }
}
