import COCO

/// The readers of annotation files, result files and run lengths as fuzzing targets.
enum COCOTargets {
    /// The targets by name.
    static let all: [String: FuzzTarget] = [
        // The columns reserve room for a whole file at the start, and the writer makes a copy of the text.
        "coco-json": FuzzTarget(constant: 4 << 20, parse: json),
        // An outline may cross every column of an image many times.
        "run-length": FuzzTarget(constant: 64 << 20, parse: runLength),
    ]

    /// An annotation file or a result file: everything read must be written, read again, and be equal.
    static func json(_ input: UnsafeRawBufferPointer) throws {
        if input.first(where: { $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: "[") }) == UInt8(ascii: "{") {
            let data = try Dataset(json: input)
            let text = try data.json()
            let copy = try text.withUnsafeBytes { try Dataset(json: $0) }
            check(try copy.json() == text)
            for row in 0..<data.annotations.count { check(copy.annotations[row] == data.annotations[row]) }
            try score(data, DetectionTable())
        } else {
            let table = try DetectionTable(json: input)
            let text = try table.json()
            let copy = try text.withUnsafeBytes { try DetectionTable(json: $0) }
            for row in 0..<table.count { check(copy[row] == table[row]) }
            try score(dataset(for: table), table)
        }
    }

    /// The first byte selects the format, the next two the size; the rest are run lengths or coordinates.
    static func runLength(_ input: UnsafeRawBufferPointer) throws {
        guard input.count > 3 else { return }
        let (height, width) = (Int(input[1]), Int(input[2]))
        let rest = Array(input[3...])
        let mask: RunLengthMask
        switch input[0] % 4 {
        case 0: mask = try RunLengthMask(height: height, width: width, compressed: rest)
        case 1:
            // Sizes that no memory could hold as pixels.
            mask = try RunLengthMask(height: height << 8, width: width << 8, compressed: rest)
        case 2: mask = try RunLengthMask(height: height, width: width, counts: rest.map { UInt32($0) })
        default:
            let ring = stride(from: 0, to: rest.count - 7, by: 8).map { start in
                rest.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: start, as: Double.self) }
            }
            mask = try RunLengthMask(height: height, width: width, polygons: [ring])
        }
        check(mask.counts.reduce(0) { $0 + UInt64($1) } == UInt64(mask.height * mask.width))
        check(mask.counts.dropFirst().allSatisfy { $0 > 0 })
        check(try RunLengthMask(height: mask.height, width: mask.width, compressed: mask.compressed) == mask)
        check(try RunLengthMask.union([mask, mask]) == mask)
        check(try mask.intersectionArea(mask) == mask.area)
        // Compared pixel by pixel, with every comparison recorded by the fuzzer: larger images leave time for only a
        // few inputs. One input in 64 gets the largest size, chosen by all its bytes so that its mutations do not
        // inherit the choice.
        let sum = input.reduce(UInt32(0)) { $0 &* 31 &+ UInt32($1) }
        if mask.height * mask.width <= ((sum >> 8) % 64 == 0 ? 1 << 16 : 1 << 12) {
            let pixels = try mask.pixels()
            check(try RunLengthMask(height: mask.height, width: mask.width, pixels: pixels) == mask)
            check(
                try RunLengthMask(height: mask.height, width: mask.width, polygons: mask.polygons()) == mask)
        }
    }

    private static func check(_ condition: Bool) {
        if !condition { fatalError("a round trip changed the contents") }
    }

    /// A data set with all images and classes of the detections.
    private static func dataset(for table: DetectionTable) -> Dataset {
        var data = Dataset()
        for id in Set(table.imageIDs).sorted() {
            data.images.append(ImageRecord(id: id, width: 20, height: 30))
        }
        data.categories = Set(table.categoryIDs).sorted().map { Category(id: $0, name: "") }
        for row in stride(from: 0, to: table.count, by: 2) {
            data.annotations.append(
                AnnotationRecord(
                    id: Int64(row), imageID: table.imageIDs[row], categoryID: table.categoryIDs[row],
                    box: table.hasBox[row] ? table.boxes[row] : nil, area: 40, isCrowd: row % 4 == 0,
                    segmentation: table.segmentations[row]))
        }
        return data
    }

    /// Scores by boxes and by masks; either may be refused.
    private static func score(_ data: Dataset, _ table: DetectionTable) throws {
        for geometry in EvaluationOptions.Geometry.allCases {
            var options = EvaluationOptions.coco(geometry)
            options.threadCount = 1
            _ = try? Evaluation(truth: data, detections: table, options: options)
        }
    }
}
