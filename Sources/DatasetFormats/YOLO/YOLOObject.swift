import COCO
import Support

/// The contents of the lines of YOLO label files.
package enum YOLOGeometry: String, Sendable, CaseIterable {
    /// `class x y width height`: the center and size of a box as fractions of the picture's size.
    case boxes
    /// `class x0 y0 x1 y1 ...`: one outline per object as fractions of the picture's size.
    case polygons
}

/// One line of a YOLO label file. All numbers are fractions of the picture's width and height.
enum YOLOObject: Hashable {
    case box(category: Int, middleX: Double, middleY: Double, width: Double, height: Double)
    case polygon(category: Int, points: [Double])

    /// Parses a line.
    ///
    /// - Parameter keyPointNumbers: The number of key-point values that may follow a box; they are not kept.
    /// - Throws: `COCOError` with the fault of the line.
    init(line: some StringProtocol, categoryCount: Int, keyPointNumbers: Int = 0) throws {
        let fields = line.split(whereSeparator: \.isWhitespace)
        let numbers = try fields.map { field in
            guard let number = Double(field), number.isFinite else {
                throw COCOError("\"\(field.prefix(20))\" is not a number")
            }
            return number
        }
        guard let first = numbers.first, let category = Int(exactly: first) else {
            throw COCOError("a line must begin with the number of a class")
        }
        guard (0..<categoryCount).contains(category) else {
            throw COCOError(
                "class \(category) does not exist: there are \(categoryCount) classes, numbered from 0")
        }
        // Slightly beyond the edge is rounding; far beyond it are pixels.
        let box = keyPointNumbers > 0 ? numbers.dropFirst().prefix(4) : numbers.dropFirst()
        if let wrong = box.first(where: { !(-1...2).contains($0) }) {
            throw COCOError(
                "\(wrong) is not a valid coordinate: coordinates are fractions of the picture's size, from 0 to 1"
            )
        }
        if keyPointNumbers > 0, numbers.count != 5, numbers.count != 5 + keyPointNumbers {
            throw COCOError(
                "\(numbers.count) numbers; class, box and key points take \(5 + keyPointNumbers) according to kpt_shape"
            )
        }
        switch numbers.count {
        case 5, 5 + keyPointNumbers:
            self = .box(
                category: category, middleX: numbers[1], middleY: numbers[2], width: numbers[3],
                height: numbers[4])
        case 7... where !numbers.count.isMultiple(of: 2):
            self = .polygon(category: category, points: Array(numbers.dropFirst()))
        case 8... where numbers.count.isMultiple(of: 2):
            throw COCOError(
                "\(numbers.count) numbers are the class and an outline and one extra number; is the last one a "
                    + "score, as in results?")
        case 6:
            throw COCOError(
                "6 numbers are class, box and score, as in results; labels have no score")
        default:
            throw COCOError(
                "\(numbers.count) numbers; 5 for a box, or the class and three or more points are needed")
        }
    }

    /// The line without its line break. Ten decimals move nothing by more than a millionth of a pixel.
    func write(to text: inout TextBuffer) {
        switch self {
        case .box(let category, let x, let y, let width, let height):
            text.integer(category)
            for value in [x, y, width, height] {
                text.raw(" ")
                text.decimals(value)
            }
        case .polygon(let category, let points):
            text.integer(category)
            for value in points {
                text.raw(" ")
                text.decimals(value)
            }
        }
        text.raw("\n")
    }
}

/// Joins the rings of a mask with several parts into one outline, since a YOLO line holds only one.
enum RingJoin {
    /// Above this number of point pairs, the nearest pair is not searched.
    private static let maximumPairs = 4_000_000

    /// One ring through all points of `rings`: it walks from part to part along a cut and back, which encloses nothing.
    static func joined(_ rings: [[Double]]) -> [Double] {
        guard var result = rings.first else { return [] }
        for ring in rings.dropFirst() {
            let (own, other) = nearest(result, ring)
            // ... own, the whole ring from other to other, own again ...
            let walk = ring[(2 * other)...] + ring[..<(2 * other)] + ring[(2 * other)..<(2 * other + 2)]
            result.insert(contentsOf: walk + result[(2 * own)..<(2 * own + 2)], at: 2 * own + 2)
        }
        return result
    }

    /// The indices of the two points nearest to each other.
    private static func nearest(_ a: [Double], _ b: [Double]) -> (Int, Int) {
        guard (a.count / 2) * (b.count / 2) <= maximumPairs else { return (0, 0) }
        var best = (0, 0)
        var least = Double.infinity
        for own in 0..<a.count / 2 {
            for other in 0..<b.count / 2 {
                let (x, y) = (a[2 * own] - b[2 * other], a[2 * own + 1] - b[2 * other + 1])
                let distance = x * x + y * y
                if distance < least { (least, best) = (distance, (own, other)) }
            }
        }
        return best
    }
}
