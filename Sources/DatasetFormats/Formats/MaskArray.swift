import COCO
import Foundation

/// FiftyOne's masks: the file of a numpy array, packed with zlib, in base64.
enum MaskArray {
    /// The pixels in rows.
    ///
    /// - Throws: `COCOError` for anything but a two-dimensional array of bytes or booleans.
    static func picture(_ text: String) throws -> LabelPicture {
        guard let data = Data(base64Encoded: text, options: .ignoreUnknownCharacters) else {
            throw COCOError("a mask is no base64")
        }
        let bytes = try Deflate.inflated([UInt8](data), limit: RunLengthMask.maximumPixelCount)
        guard bytes.count > 12, bytes.starts(with: [0x93] + Array("NUMPY".utf8)) else {
            throw COCOError("a mask is no numpy array")
        }
        let isLong = bytes[6] > 1
        let length = (0..<(isLong ? 4 : 2)).reduce(0) { $0 | Int(bytes[8 + $1]) << (8 * $1) }
        let start = (isLong ? 12 : 10) + length
        guard start <= bytes.count else { throw COCOError("a mask is cut off") }
        let header = String(decoding: bytes[(isLong ? 12 : 10)..<start], as: UTF8.self)
        guard header.contains("|b1") || header.contains("|u1"),
            let open = header.firstRange(of: "'shape': ("),
            let close = header[open.upperBound...].firstIndex(of: ")")
        else { throw COCOError("a mask is no array of bytes or booleans") }
        let shape = header[open.upperBound..<close].split(separator: ",")
            .compactMap { Int($0.trimmingCharacters(in: .whitespaces)) }
        guard shape.count == 2, shape[0] >= 0, shape[1] >= 0, shape[0] <= bytes.count,
            shape[1] <= bytes.count,
            bytes.count - start == shape[0] * shape[1]
        else { throw COCOError("a mask has another size than it states") }
        let (height, width) = (shape[0], shape[1])
        var pixels = Array(bytes[start...])
        if header.contains("'fortran_order': True") {
            for row in 0..<height {
                for column in 0..<width {
                    pixels[row * width + column] = bytes[start + column * height + row]
                }
            }
        }
        return LabelPicture(width: width, height: height, numbers: pixels)
    }

    /// The text of pixels in rows.
    static func text(_ picture: LabelPicture) -> String {
        var header =
            "{'descr': '|b1', 'fortran_order': False, 'shape': (\(picture.height), \(picture.width)), }"
        header += String(repeating: " ", count: 63 - (header.utf8.count + 10) % 64) + "\n"
        let length = header.utf8.count
        let bytes =
            [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length & 255), UInt8(length >> 8)]
            + Array(header.utf8)
            + picture.numbers.map { $0 == 0 ? 0 : 1 }
        return Data(Deflate.deflated(bytes)).base64EncodedString()
    }
}
