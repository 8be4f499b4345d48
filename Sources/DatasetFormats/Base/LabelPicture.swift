import COCO
import CZlib
import Support

/// A PNG file whose pixels are numbers, not colors: masks of one object, and pictures whose palette's places number the
/// objects.
///
/// Decoders of pictures turn palettes into colors, so the numbers are read here (PNG, third edition, W3C 2025): all kinds of
/// pixels without interlacing. Of pictures in color the number is the place of the color in Pascal VOC's palette, of
/// transparent ones the alpha does not count.
package struct LabelPicture: Sendable {
    /// The width in pixels.
    package let width: Int

    /// The height in pixels.
    package let height: Int

    /// The numbers, row by row.
    package let numbers: [UInt8]

    /// More pixels than these are refused.
    private static let maximumPixels = 1 << 28

    /// Numbers in rows.
    package init(width: Int, height: Int, numbers: [UInt8]) {
        self.width = width
        self.height = height
        self.numbers = numbers
    }

    private struct Header {
        var width = 0
        var height = 0
        var depth = 0
        var kind: UInt8 = 0

        var channels: Int { [0: 1, 2: 3, 3: 1, 4: 2, 6: 4][kind] ?? 0 }
    }

    /// Decodes a file in memory.
    ///
    /// - Parameter readsAlpha: whether of pixels with alpha that is the number, and not their color.
    /// - Throws: `COCOError` for what is no PNG, is damaged, or is interlaced.
    package init(png bytes: some Collection<UInt8>, readsAlpha: Bool = false) throws {
        let bytes = Array(bytes)
        guard bytes.starts(with: Self.signature) else { throw COCOError("is no PNG") }
        var header = Header()
        var packed: [UInt8] = []
        var place = 8
        chunks: while true {
            guard place + 12 <= bytes.count else { throw COCOError("the PNG is cut off") }
            let length = Self.integer(bytes, place)
            guard length <= bytes.count - place - 12 else { throw COCOError("the PNG is cut off") }
            let body = bytes[(place + 8)..<(place + 8 + length)]
            switch String(decoding: bytes[(place + 4)..<(place + 8)], as: UTF8.self) {
            case "IHDR": header = try Self.header(Array(body))
            case "IDAT": packed += body
            case "IEND": break chunks
            default: break
            }
            place += 12 + length
        }
        guard header.width > 0 else { throw COCOError("the PNG states no size") }
        let pixelBits = header.channels * header.depth
        let rowBytes = (header.width * pixelBits + 7) / 8
        var rows = try Self.inflated(packed, count: header.height * (rowBytes + 1))
        try Self.unfilter(&rows, rowBytes: rowBytes, height: header.height, step: max(1, pixelBits / 8))
        self.init(
            width: header.width, height: header.height,
            numbers: Self.numbers(rows, rowBytes, header, readsAlpha))
    }

    private static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    private static func integer(_ bytes: [UInt8], _ place: Int) -> Int {
        bytes[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
    }

    private static func header(_ body: [UInt8]) throws -> Header {
        guard body.count == 13 else { throw COCOError("the PNG has a malformed header") }
        let header = Header(
            width: integer(body, 0), height: integer(body, 4), depth: Int(body[8]), kind: body[9])
        guard header.width > 0, header.height > 0, header.width <= maximumPixels / header.height else {
            throw COCOError("the PNG has \(header.width) x \(header.height) pixels")
        }
        let depths: [UInt8: [Int]] = [
            0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16],
        ]
        guard depths[header.kind]?.contains(header.depth) == true, body[10] == 0, body[11] == 0 else {
            throw COCOError("the PNG has a malformed header")
        }
        guard body[12] == 0 else { throw COCOError("the PNG is interlaced; save it without") }
        return header
    }

    private static func inflated(_ packed: [UInt8], count: Int) throws -> [UInt8] {
        // No stream of zlib's unpacks to more than 1,032 times its length.
        guard count <= 1100 * packed.count + 1024 else { throw COCOError("the PNG's pixels are cut off") }
        var result = [UInt8](repeating: 0, count: count)
        var length = uLong(count)
        let status = uncompress(&result, &length, packed, uLong(packed.count))
        guard status == Z_OK, Int(length) == count else { throw COCOError("the PNG's pixels are damaged") }
        return result
    }

    private static func unfilter(_ rows: inout [UInt8], rowBytes: Int, height: Int, step: Int) throws {
        let zeros = [UInt8](repeating: 0, count: rowBytes)
        var before = zeros
        for row in 0..<height {
            let start = row * (rowBytes + 1)
            let filter = rows[start]
            guard filter <= 4 else { throw COCOError("the PNG's pixels are damaged") }
            for index in 0..<rowBytes {
                let left = index >= step ? Int(rows[start + 1 + index - step]) : 0
                let above = Int(before[index])
                let corner = index >= step ? Int(before[index - step]) : 0
                let guess: Int =
                    switch filter {
                    case 1: left
                    case 2: above
                    case 3: (left + above) / 2
                    case 4: paeth(left, above, corner)
                    default: 0
                    }
                rows[start + 1 + index] &+= UInt8(truncatingIfNeeded: guess)
            }
            before = Array(rows[(start + 1)..<(start + 1 + rowBytes)])
        }
    }

    private static func paeth(_ left: Int, _ above: Int, _ corner: Int) -> Int {
        let guess = left + above - corner
        let (a, b, c) = ((guess - left).magnitude, (guess - above).magnitude, (guess - corner).magnitude)
        return a <= b && a <= c ? left : b <= c ? above : corner
    }

    private static func numbers(
        _ rows: [UInt8], _ rowBytes: Int, _ header: Header, _ readsAlpha: Bool
    ) -> [UInt8] {
        var numbers: [UInt8] = []
        numbers.reserveCapacity(header.width * header.height)
        let alpha = readsAlpha && (header.kind == 4 || header.kind == 6) ? header.channels - 1 : nil
        let colors = alpha == nil && (header.kind == 2 || header.kind == 6) ? VOCPalette.numbers : [:]
        for row in 0..<header.height {
            let start = row * (rowBytes + 1) + 1
            for column in 0..<header.width {
                guard header.depth >= 8 else {
                    let bit = column * header.depth
                    let byte = rows[start + bit / 8]
                    let mask: UInt8 = 1 << UInt8(header.depth) &- 1
                    numbers.append(byte >> UInt8(8 - header.depth - bit % 8) & mask)
                    continue
                }
                let size = header.depth / 8
                let place = start + column * header.channels * size
                // Of 16 bits: a small number is itself, a greater one is still not 0.
                func sample(_ channel: Int) -> UInt8 {
                    let at = place + channel * size
                    guard size == 2 else { return rows[at] }
                    return rows[at] == 0 ? rows[at + 1] : 255
                }
                guard !colors.isEmpty else {
                    numbers.append(sample(alpha ?? 0))
                    continue
                }
                let color = UInt32(sample(0)) << 16 | UInt32(sample(1)) << 8 | UInt32(sample(2))
                numbers.append(colors[color] ?? 255)
            }
        }
        return numbers
    }

    // MARK: Masks

    /// The mask of the pixels that `includes` names, placed in a picture of a size; what lies outside is cut off.
    ///
    /// - Throws: `COCOError` for a picture of 2^32 pixels or more.
    package func mask(
        left: Int = 0, top: Int = 0, width: Int, height: Int, _ includes: (UInt8) -> Bool = { $0 != 0 }
    ) throws -> RunLengthMask {
        let columns = Self.common(left..<(left + self.width), width)
        let rows = Self.common(top..<(top + self.height), height)
        var crop = [UInt8](repeating: 0, count: columns.count * rows.count)
        var place = 0
        for row in rows {
            let start = (row - top) * self.width - left
            for column in columns {
                if includes(numbers[start + column]) { crop[place] = 1 }
                place += 1
            }
        }
        return try RunLengthMask(height: height, width: width, columns: columns, rows: rows, crop: crop)
    }

    private static func common(_ range: Range<Int>, _ limit: Int) -> Range<Int> {
        range.clamped(to: 0..<limit)
    }

    /// The picture at another size: of each pixel the nearest one.
    package func resized(width: Int, height: Int) -> LabelPicture {
        guard width != self.width || height != self.height else { return self }
        var result: [UInt8] = []
        result.reserveCapacity(width * height)
        for row in 0..<height {
            let start = min(self.height - 1, (2 * row + 1) * self.height / (2 * height)) * self.width
            for column in 0..<width {
                result.append(
                    numbers[start + min(self.width - 1, (2 * column + 1) * self.width / (2 * width))])
            }
        }
        return LabelPicture(width: width, height: height, numbers: result)
    }

    // MARK: Encoding

    /// The file: with Pascal VOC's palette, or as black (0) and white.
    package func png(hasPalette: Bool) -> [UInt8] {
        var rows: [UInt8] = []
        rows.reserveCapacity((width + 1) * height)
        for row in 0..<height {
            rows.append(0)
            let line = numbers[(row * width)..<((row + 1) * width)]
            if hasPalette {
                rows += line
            } else {
                for number in line { rows.append(number == 0 ? 0 : 255) }
            }
        }
        var packed = [UInt8](repeating: 0, count: Int(compressBound(uLong(rows.count))))
        var length = uLong(packed.count)
        compress2(&packed, &length, rows, uLong(rows.count), 6)
        var file = Self.signature
        var header = Self.bytes(width) + Self.bytes(height)
        header += [8, hasPalette ? 3 : 0, 0, 0, 0]
        Self.append("IHDR", header, to: &file)
        if hasPalette { Self.append("PLTE", VOCPalette.bytes, to: &file) }
        Self.append("IDAT", Array(packed.prefix(Int(length))), to: &file)
        Self.append("IEND", [], to: &file)
        return file
    }

    private static func bytes(_ value: Int) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    private static func append(_ kind: String, _ body: [UInt8], to file: inout [UInt8]) {
        let content = Array(kind.utf8) + body
        file += bytes(body.count) + content
        file += bytes(Int(content.withUnsafeBytes { CRC32.checksum($0) }))
    }
}

/// Pascal VOC's palette, by which its pictures number classes and objects (devkit, VOClabelcolormap).
enum VOCPalette {
    /// Red, green and blue of the 256 places.
    static let bytes: [UInt8] = (0..<256).flatMap { number -> [UInt8] in
        var (color, rest): ([UInt8], Int) = ([0, 0, 0], number)
        for bit in 0..<8 {
            for channel in 0..<3 where rest >> channel & 1 != 0 { color[channel] |= 1 << UInt8(7 - bit) }
            rest >>= 3
        }
        return color
    }

    /// The place of a color.
    static let numbers: [UInt32: UInt8] = Dictionary(
        (0..<256).map { number in
            let color = bytes[(3 * number)..<(3 * number + 3)].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            return (color, UInt8(number))
        }, uniquingKeysWith: { first, _ in first })
}

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
