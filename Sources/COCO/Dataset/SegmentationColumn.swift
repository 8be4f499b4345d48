/// The outline of an object in one of the three formats that COCO files mix.
public enum Segmentation: Sendable, Hashable {
    /// Rings of points `x0, y0, x1, y1, ...` in pixels of the image; the object is their union.
    case polygons([[Double]])

    /// Lengths of alternating runs of zeros and ones down the columns of a `height` x `width` mask.
    case runLengths(height: Int, width: Int, counts: [UInt32])

    /// The same runs in the compressed text format of the COCO tools (ASCII).
    case compressedRunLengths(height: Int, width: Int, counts: [UInt8])
}

/// The segmentations of many rows, with one pool per kind: a file with a million polygons takes only a few allocations.
package struct SegmentationColumn: Sendable {
    /// The format of a row's segmentation.
    package enum Kind: UInt8, Sendable {
        /// The row has no segmentation.
        case none
        /// Rings in ``SegmentationColumn/coordinates``.
        case polygons
        /// Runs in ``SegmentationColumn/counts``.
        case runLengths
        /// Compressed runs in ``SegmentationColumn/characters``.
        case compressedRunLengths
    }

    /// The position of a row's data in the pool of its kind.
    struct Row: Sendable {
        /// The first ring, run or character.
        var start = 0
        /// The number of rings, runs or characters.
        var count = 0
        /// The stated size of a run-length mask.
        var height: Int32 = 0
        var width: Int32 = 0
        var kind = Kind.none
    }

    var rows: [Row] = []

    /// The points of all rings, `x0, y0, x1, y1, ...` in pixels.
    package internal(set) var coordinates: [Double] = []

    /// The end of every ring in ``coordinates``; it begins where the previous one ends.
    var ringEnds: [Int] = []

    /// The runs of all uncompressed run-length masks.
    package internal(set) var counts: [UInt32] = []

    /// The text of all compressed run-length masks.
    package internal(set) var characters: [UInt8] = []

    /// Creates an empty column.
    package init() {}

    /// The number of rows.
    package var count: Int { rows.count }

    /// The format of a row's segmentation.
    package func kind(_ row: Int) -> Kind { rows[row].kind }

    /// The stated size of a run-length mask in pixels; nil for polygons and for rows without a mask.
    package func size(_ row: Int) -> (height: Int, width: Int)? {
        switch rows[row].kind {
        case .none, .polygons: nil
        case .runLengths, .compressedRunLengths: (Int(rows[row].height), Int(rows[row].width))
        }
    }

    /// The number of rings of a row of polygons; 0 for any other row.
    package func ringCount(_ row: Int) -> Int { rows[row].kind == .polygons ? rows[row].count : 0 }

    /// The indices in ``coordinates`` of a ring of a row of polygons.
    package func ring(_ ring: Int, ofRow row: Int) -> Range<Int> {
        let index = rows[row].start + ring
        return (index == 0 ? 0 : ringEnds[index - 1])..<ringEnds[index]
    }

    /// The segmentation of a row; nil if it has none.
    package subscript(row: Int) -> Segmentation? {
        let place = rows[row]
        let range = place.start..<place.start + place.count
        switch place.kind {
        case .none: return nil
        case .polygons:
            return .polygons((0..<place.count).map { Array(coordinates[ring($0, ofRow: row)]) })
        case .runLengths:
            return .runLengths(
                height: Int(place.height), width: Int(place.width), counts: Array(counts[range]))
        case .compressedRunLengths:
            return .compressedRunLengths(
                height: Int(place.height), width: Int(place.width), counts: Array(characters[range]))
        }
    }

    /// Adds a row. The size of a run-length mask is clamped to 32 bits.
    package mutating func append(_ segmentation: Segmentation?) {
        switch segmentation {
        case nil: appendNone()
        case .polygons(let rings):
            let start = ringEnds.count
            for ring in rings {
                coordinates.append(contentsOf: ring)
                ringEnds.append(coordinates.count)
            }
            rows.append(Row(start: start, count: rings.count, kind: .polygons))
        case .runLengths(let height, let width, let values):
            rows.append(
                Row(
                    start: counts.count, count: values.count, height: Int32(clamping: height),
                    width: Int32(clamping: width), kind: .runLengths))
            counts.append(contentsOf: values)
        case .compressedRunLengths(let height, let width, let text):
            rows.append(
                Row(
                    start: characters.count, count: text.count, height: Int32(clamping: height),
                    width: Int32(clamping: width), kind: .compressedRunLengths))
            characters.append(contentsOf: text)
        }
    }

    /// Adds a row without a segmentation.
    package mutating func appendNone() { rows.append(Row()) }

    /// How much is in the column.
    struct Mark {
        fileprivate let counts: (rows: Int, coordinates: Int, ringEnds: Int, counts: Int, characters: Int)
    }

    /// How much is in the column now.
    var mark: Mark {
        Mark(counts: (rows.count, coordinates.count, ringEnds.count, counts.count, characters.count))
    }

    /// Takes away what was added since.
    mutating func removeAll(since mark: Mark) {
        rows.removeLast(rows.count - mark.counts.rows)
        coordinates.removeLast(coordinates.count - mark.counts.coordinates)
        ringEnds.removeLast(ringEnds.count - mark.counts.ringEnds)
        counts.removeLast(counts.count - mark.counts.counts)
        characters.removeLast(characters.count - mark.counts.characters)
    }

    /// Adds a copy of a row of another column.
    package mutating func append(row: Int, of other: SegmentationColumn) {
        var place = other.rows[row]
        let range = place.start..<place.start + place.count
        switch place.kind {
        case .none: break
        case .polygons:
            place.start = ringEnds.count
            for ring in 0..<place.count {
                coordinates.append(contentsOf: other.coordinates[other.ring(ring, ofRow: row)])
                ringEnds.append(coordinates.count)
            }
        case .runLengths:
            place.start = counts.count
            counts.append(contentsOf: other.counts[range])
        case .compressedRunLengths:
            place.start = characters.count
            characters.append(contentsOf: other.characters[range])
        }
        rows.append(place)
    }
}
