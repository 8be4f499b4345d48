import CZlib
import Foundation

/// Decompression of gzip files (RFC 1952).
enum Gzip {
    /// The maximum decompressed size; the published list of merges takes 3 MB.
    static let limit = 64 << 20

    /// Decompresses a file.
    ///
    /// - Throws: ``CLIPError`` if it is damaged, truncated or larger than ``limit``.
    static func inflate(_ data: Data) throws -> [UInt8] {
        var stream = z_stream()
        // Adding 16 to the largest window selects gzip's header and checksum.
        guard
            inflateInit2_(&stream, 16 + MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { throw CLIPError(reason: "zlib cannot be started") }
        defer { inflateEnd(&stream) }
        var result: [UInt8] = []
        var input = [UInt8](data)
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        return try input.withUnsafeMutableBufferPointer { input in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(clamping: input.count)
            while true {
                let (status, count) = chunk.withUnsafeMutableBufferPointer { chunk in
                    stream.next_out = chunk.baseAddress
                    stream.avail_out = UInt32(chunk.count)
                    let status = CZlib.inflate(&stream, Z_NO_FLUSH)
                    return (status, chunk.count - Int(stream.avail_out))
                }
                result += chunk[..<count]
                if status == Z_STREAM_END { return result }
                guard status == Z_OK else {
                    throw CLIPError(reason: "is a damaged or incomplete gzip file")
                }
                guard result.count <= limit else {
                    throw CLIPError(reason: "holds more than \(limit) bytes")
                }
            }
        }
    }
}
