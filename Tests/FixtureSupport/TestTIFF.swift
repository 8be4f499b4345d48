import Foundation

/// Writes small TIFF files stored in tiles, with smaller copies: what aerial pictures are made of (TIFF 6.0).
public enum TestTIFF {
    /// A stored picture: RGB bytes, row by row.
    public struct Picture {
        var width: Int
        var height: Int
        var pixels: [UInt8]

        /// Creates a picture.
        public init(width: Int, height: Int, pixels: [UInt8]) {
            self.width = width
            self.height = height
            self.pixels = pixels
        }
    }

    /// The bytes of a file without compression.
    /// - Parameters:
    ///   - pages: The pages; copies of smaller size may follow the first.
    ///   - tile: The side of a tile, a multiple of 16; nil: strips of one row, which are no tiles.
    ///   - orientation: The value of the tag.
    ///   - isLittle: The order of bytes.
    public static func bytes(_ pages: [Picture], tile: Int?, orientation: Int = 1, isLittle: Bool = true)
        -> [UInt8]
    {
        var file: [UInt8] = []
        func number(_ value: Int, _ count: Int) -> [UInt8] {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
            return isLittle ? bytes : bytes.reversed()
        }
        file += isLittle ? [0x49, 0x49] : [0x4D, 0x4D]
        file += number(42, 2) + number(0, 4)
        var link = 4
        for (place, page) in pages.enumerated() {
            var offsets: [Int] = []
            let (width, height) = (tile ?? page.width, tile ?? 1)
            for top in stride(from: 0, to: page.height, by: height) {
                for left in stride(from: 0, to: page.width, by: width) {
                    offsets.append(file.count)
                    for y in top..<top + height {
                        for x in left..<left + width {
                            let isInside = x < page.width && y < page.height
                            let at = (y * page.width + x) * 3
                            file += isInside ? page.pixels[at..<at + 3] : [0, 0, 0]
                        }
                    }
                }
            }
            func list(_ values: [Int]) -> Int {
                if values.count == 1 { return values[0] }
                defer { file += values.flatMap { number($0, 4) } }
                return file.count
            }
            let bits = file.count
            file += number(8, 2) + number(8, 2) + number(8, 2) + [0, 0]
            let (starts, sizes) = (list(offsets), list(offsets.map { _ in width * height * 3 }))
            // Tag, type (3: two bytes, 4: four bytes), count, value.
            var entries = [
                (254, 4, 1, place == 0 ? 0 : 1), (256, 4, 1, page.width), (257, 4, 1, page.height),
                (258, 3, 3, bits), (259, 3, 1, 1), (262, 3, 1, 2), (274, 3, 1, orientation), (277, 3, 1, 3),
                (284, 3, 1, 1),
            ]
            entries +=
                tile == nil
                ? [(273, 4, offsets.count, starts), (278, 4, 1, 1), (279, 4, offsets.count, sizes)]
                : [
                    (322, 4, 1, width), (323, 4, 1, height), (324, 4, offsets.count, starts),
                    (325, 4, offsets.count, sizes),
                ]
            if file.count % 2 == 1 { file.append(0) }
            file.replaceSubrange(link..<link + 4, with: number(file.count, 4))
            file += number(entries.count, 2)
            for (tag, type, count, value) in entries.sorted(by: { $0.0 < $1.0 }) {
                file += number(tag, 2) + number(type, 2) + number(count, 4)
                file += type == 3 && count == 1 ? number(value, 2) + [0, 0] : number(value, 4)
            }
            link = file.count
            file += number(0, 4)
        }
        return file
    }
}
