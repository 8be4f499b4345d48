import COCO
import DatasetFormats
import Support

/// The readers below the formats of labeling tools as fuzzing targets.
enum FormatTargets {
    /// The targets by name.
    static let all: [String: FuzzTarget] = [
        "csv": FuzzTarget { input in
            var reader = try CSVReader(input)
            while try reader.next() { _ = (reader.values, reader.number(0)) }
        },
        "xml": FuzzTarget { input in
            var scanner = try XMLScanner(input)
            while true {
                switch try scanner.next() {
                case .start: _ = (try scanner.attribute("a"), try? scanner.integer("a"), scanner.path())
                case .text: _ = try scanner.text()
                case .end: break
                case .finish: return
                }
            }
        },
        // zlib unpacks a byte to 1,032 at most.
        "png": FuzzTarget(constant: 256 << 20) { input in
            let picture = try LabelPicture(png: input)
            guard picture.width * picture.height <= 1 << 16 else { return }
            _ = try picture.mask(width: 50, height: 40)
            let copy = try LabelPicture(png: picture.png(hasPalette: true))
            if copy.numbers != picture.numbers { fatalError("a round trip changed the contents") }
        },
    ]
}
