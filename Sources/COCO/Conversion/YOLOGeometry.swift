/// What the lines of YOLO label files state.
public enum YOLOGeometry: String, Sendable, CaseIterable {
    /// `class x y width height`, the middle and the extent of a box as parts of the picture's extent.
    case boxes
    /// `class x0 y0 x1 y1 ...`, one outline an object as parts of the picture's extent.
    case polygons
}

/// One line of a YOLO label file. All numbers are parts of the picture's width and height.
enum YOLOObject: Hashable {
    case box(category: Int, middleX: Double, middleY: Double, width: Double, height: Double)
    case polygon(category: Int, points: [Double])

    /// Reads a line.
    ///
    /// - Throws: ``ConversionError`` with what is wrong in the line.
    init(line: some StringProtocol, categoryCount: Int) throws {
        let fields = line.split(whereSeparator: \.isWhitespace)
        let numbers = try fields.map { field in
            guard let number = Double(field), number.isFinite else {
                throw ConversionError("\"\(field.prefix(20))\" is no number")
            }
            return number
        }
        guard let first = numbers.first, let category = Int(exactly: first) else {
            throw ConversionError("a line begins with the number of a class")
        }
        guard (0..<categoryCount).contains(category) else {
            throw ConversionError("class \(category) of \(categoryCount) classes, which count from 0")
        }
        switch numbers.count {
        case 5:
            self = .box(
                category: category, middleX: numbers[1], middleY: numbers[2], width: numbers[3],
                height: numbers[4])
        case 7... where !numbers.count.isMultiple(of: 2):
            self = .polygon(category: category, points: Array(numbers.dropFirst()))
        case 6:
            throw ConversionError(
                "6 numbers are class, box and score, as in results; labels have no score")
        default:
            throw ConversionError(
                "\(numbers.count) numbers; 5 for a box, or the class and three or more points are needed")
        }
    }

    /// The line without its end. Ten decimals move nothing by more than a millionth of a pixel.
    var line: String {
        switch self {
        case .box(let category, let x, let y, let width, let height):
            "\(category) " + [x, y, width, height].map(Self.text).joined(separator: " ")
        case .polygon(let category, let points):
            "\(category) " + points.map(Self.text).joined(separator: " ")
        }
    }

    /// A number of about 0 to 1 with at most ten decimals.
    private static func text(_ value: Double) -> String {
        let scaled = Int64((min(max(value, -1e6), 1e6) * 1e10).rounded())
        let (whole, rest) = scaled.magnitude.quotientAndRemainder(dividingBy: 10_000_000_000)
        let sign = scaled < 0 ? "-" : ""
        guard rest > 0 else { return "\(sign)\(whole)" }
        let digits = String(rest)
        var text = "\(sign)\(whole)." + String(repeating: "0", count: 10 - digits.count) + digits
        while text.last == "0" { text.removeLast() }
        return text
    }
}
