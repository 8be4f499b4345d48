import COCO

/// A generator of random numbers that gives the same ones everywhere.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }
    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state &* 0x2545_F491_4F6C_DD1D
    }
}

/// A small problem with all that is awkward: ties, crowds, empty classes and images, an id of 0, odd areas.
struct RandomProblem {
    var truth = Dataset()
    var detections = DetectionTable()
    var generator: SeededGenerator

    /// - Parameter crowded: one image with more than 100 detections of a class.
    init(seed: UInt64, crowded: Bool = false, federated: Bool = false) {
        generator = SeededGenerator(seed &+ 1)
        let categories: [Int64] = [0, 7, 3, .max, 12]
        for id in categories {
            truth.categories.append(
                Category(
                    id: id, name: "c\(id)",
                    frequency: federated ? Category.Frequency.allCases[Int(id & 1)] : nil))
        }
        let count = integer(1, crowded ? 3 : 6)
        for index in 0..<count {
            let absent = categories.filter { _ in integer(0, 2) == 0 }
            let partial = categories.filter { _ in integer(0, 3) == 0 }
            truth.images.append(
                ImageRecord(
                    id: Int64((index * 5 + 3) % 7) - 2, width: integer(4, 20), height: integer(4, 20),
                    negativeCategoryIDs: federated ? absent : nil,
                    notExhaustiveCategoryIDs: federated ? partial : nil))
        }
        var next: Int64 = 0
        for image in 0..<count where integer(0, 4) > 0 {
            for _ in 0..<integer(0, 6) {
                // The last class stays without objects.
                let category = categories[integer(0, 3)]
                let (box, mask) = shape(image)
                let odd = [1024.0, 1024.5, 9216, 0, 2e10, 500]
                truth.annotations.append(
                    AnnotationRecord(
                        id: next, imageID: truth.images.ids[image], categoryID: category, box: box,
                        area: integer(0, 2) == 0 ? odd[integer(0, 5)] : Double(mask.area),
                        isCrowd: integer(0, 4) == 0, isIgnored: integer(0, 6) == 0,
                        segmentation: .runLengths(height: mask.height, width: mask.width, counts: mask.counts)
                    ))
                next += 1
            }
        }
        for _ in 0..<integer(0, 40) { addDetection(integer(0, count - 1), categories[integer(0, 4)]) }
        if crowded {
            for _ in 0..<integer(101, 130) { addDetection(0, categories[integer(0, 1)]) }
        }
    }

    mutating func integer(_ low: Int, _ high: Int) -> Int { Int.random(in: low...high, using: &generator) }

    private mutating func addDetection(_ image: Int, _ category: Int64) {
        var (box, mask) = shape(image)
        // Half of them are on an object of the image, exactly or nearly.
        let own = (0..<truth.annotations.count).filter {
            truth.annotations.imageIDs[$0] == truth.images.ids[image]
        }
        if !own.isEmpty, integer(0, 1) == 0 {
            let object = truth.annotations[own[integer(0, own.count - 1)]]
            if let other = object.box,
                case .runLengths(let height, let width, let counts) = object.segmentation
            {
                box = other
                box.x += Double(integer(0, 2)) * 0.5
                if integer(0, 1) == 0,
                    let copy = try? RunLengthMask(height: height, width: width, counts: counts)
                {
                    mask = copy
                }
            }
        }
        detections.append(
            DetectionRecord(
                imageID: truth.images.ids[image], categoryID: category, score: Double(integer(-1, 6)) / 4,
                box: box,
                segmentation: .compressedRunLengths(
                    height: mask.height, width: mask.width, counts: mask.compressed)))
    }

    private mutating func shape(_ image: Int) -> (BoundingBox, RunLengthMask) {
        let record = truth.images[image]
        let box = BoundingBox(
            x: Double(integer(0, 2 * record.width)) / 2, y: Double(integer(0, 2 * record.height)) / 2,
            width: Double(integer(0, 2 * record.width)) / 2, height: Double(integer(0, 2 * record.height)) / 2
        )
        var pixels = [UInt8](repeating: 0, count: record.width * record.height)
        let (x, y) = (integer(0, record.width - 1), integer(0, record.height - 1))
        for row in y..<min(record.height, y + integer(0, 8)) {
            for column in x..<min(record.width, x + 7) where integer(0, 7) > 0 {
                pixels[row * record.width + column] = 1
            }
        }
        guard let mask = try? RunLengthMask(height: record.height, width: record.width, pixels: pixels) else {
            fatalError("a mask of its own size")
        }
        return (box, mask)
    }
}
