import COCO
import Support

/// Which classes are taken for which: objects and detections paired by overlap whatever their classes, then counted by
/// class.
public struct ConfusionMatrix: Sendable {
    /// In which order pairs are made.
    public enum Matching: String, Sendable, CaseIterable {
        /// By falling score, each detection takes the free object of any class with the greatest IoU.
        case byScore = "score"
        /// All pairs of one class first, then the others, each by falling IoU; scores play no part.
        case classFirst = "class-first"
    }

    /// Objects of one class that were taken for another.
    public struct Confusion: Sendable, Hashable {
        /// The id of the objects' class.
        public var truth: Int64

        /// The id of the detections' class.
        public var prediction: Int64

        /// How many.
        public var count: Int
    }

    /// A detection and the object that it was paired with.
    public struct Match: Sendable, Hashable {
        /// The row of the detection in its file.
        public var detection: Int

        /// The id of the annotation; nil for a detection on the background.
        public var annotation: Int64?
    }

    /// How pairs are made.
    public struct Options: Sendable, Hashable {
        /// The IoU from which a detection and an object can be a pair.
        public var iouThreshold = 0.5

        /// The score below which detections are dropped; nil for none.
        public var scoreThreshold: Double?

        /// The number of detections of an image, all classes together, that take part.
        public var maximumDetections = 100

        /// In which order pairs are made.
        public var matching = Matching.byScore

        /// Creates the default options.
        public init() {}
    }

    /// How pairs were made.
    public let options: Options

    /// The classes in order of id.
    public let categories: [Category]

    /// The number of objects of a class (row) that were detected as a class (column); row-major with `categories.count + 1` rows and
    /// columns. The last column holds missed objects, the last row detections on the background.
    public let counts: [Int]

    /// The pairs in the order in which they were made, image by image.
    public let matches: [Match]

    /// Pairs the detections and objects of pairs. Crowds take no part, nor do detections without an object whose class their
    /// image is not annotated completely with (LVIS).
    ///
    /// - Throws: `COCOError` for an IoU threshold outside of 0 to 1 or a limit below 1.
    public init(_ overlaps: Overlaps, options: Options = Options()) throws {
        guard options.iouThreshold > 0, options.iouThreshold <= 1, options.maximumDetections > 0 else {
            throw COCOError(
                "an IoU threshold above 0 and at most 1 and at least one detection an image are needed, not "
                    + "\(options.iouThreshold) and \(options.maximumDetections)")
        }
        self.options = options
        categories = overlaps.categories
        let side = overlaps.categories.count + 1
        var counts = [Int](repeating: 0, count: side * side)
        var matches: [Match] = []
        matches.reserveCapacity(overlaps.detectionCount)
        var pairings = [[Int32]](repeating: [], count: overlaps.imageCount)
        try Parallel.fill(
            &pairings, threads: Parallel.threadCount(overlaps.threadCount), grain: 16,
            state: { ImagePairing(overlaps, options) }
        ) { pairing, image in pairing.objects(image: image) }
        var isTaken = [Bool](repeating: false, count: overlaps.problem.annotationRows.count)
        let problem = overlaps.problem
        for (image, objects) in pairings.enumerated() {
            let federation = overlaps.federation(image: image)
            for (place, object) in zip(overlaps.ranked(image: image), objects) {
                let place = Int(place)
                let truth = object >= 0 ? Int(object) : nil
                if truth == nil, federation?.isPartial(Int32(overlaps.category(ofDetection: place))) == true {
                    continue
                }
                matches.append(
                    Match(
                        detection: Int(problem.detectionRows[place]),
                        annotation: truth.map {
                            problem.truth.annotations.ids[Int(problem.annotationRows[$0])]
                        }
                    ))
                if let truth { isTaken[truth] = true }
                let row = truth.map(overlaps.category(ofTruth:)) ?? side - 1
                counts[row * side + overlaps.category(ofDetection: place)] += 1
            }
            for truth in overlaps.truths(image: image) where !isTaken[truth] && !overlaps.isCrowd(truth) {
                counts[overlaps.category(ofTruth: truth) * side + side - 1] += 1
            }
        }
        self.counts = counts
        self.matches = matches
    }

    /// The matrix with every row divided by its sum; 0 in rows without objects.
    public var normalized: [Double] {
        let side = categories.count + 1
        return (0..<side).flatMap { row in
            let values = counts[row * side..<(row + 1) * side]
            let sum = values.reduce(0, +)
            return values.map { sum == 0 ? 0 : Double($0) / Double(sum) }
        }
    }

    /// The wrong pairs, most frequent first.
    public var confusions: [Confusion] {
        let side = categories.count + 1
        var result: [Confusion] = []
        for row in categories.indices {
            for column in categories.indices where row != column && counts[row * side + column] > 0 {
                result.append(
                    Confusion(
                        truth: categories[row].id, prediction: categories[column].id,
                        count: counts[row * side + column]))
            }
        }
        return result.sorted { a, b in
            a.count != b.count ? a.count > b.count : (a.truth, a.prediction) < (b.truth, b.prediction)
        }
    }
}

/// Pairs the detections and objects of one image at a time. Each thread has one and reuses its buffer.
private struct ImagePairing {
    let overlaps: Overlaps
    let options: ConfusionMatrix.Options
    /// Whether an object of the image has a detection.
    var isTaken: [Bool] = []

    init(_ overlaps: Overlaps, _ options: ConfusionMatrix.Options) {
        self.overlaps = overlaps
        self.options = options
    }

    /// The places of the objects that an image's best detections are paired with, by falling score; -1 for none.
    mutating func objects(image: Int) -> [Int32] {
        var detections = overlaps.ranked(image: image)
        if let least = options.scoreThreshold {
            detections = detections.prefix { overlaps.score(Int($0)) >= least }
        }
        detections = detections.prefix(options.maximumDetections)
        let truths = overlaps.truths(image: image)
        isTaken.removeAll(keepingCapacity: true)
        isTaken.append(contentsOf: repeatElement(false, count: truths.count))
        switch options.matching {
        case .byScore: return byScore(detections, first: truths.lowerBound)
        case .classFirst: return classesFirst(detections, first: truths.lowerBound)
        }
    }

    private mutating func byScore(_ detections: ArraySlice<Int32>, first: Int) -> [Int32] {
        detections.map { place in
            var best: Overlaps.Pair?
            for pair in overlaps.pairs(Int(place))
            where pair.overlap >= options.iouThreshold && !isTaken[Int(pair.truth) - first]
                && !pair.isCrowd && pair.overlap >= best?.overlap ?? 0
            { best = pair }
            guard let best else { return -1 }
            isTaken[Int(best.truth) - first] = true
            return best.truth
        }
    }

    /// As supervision's confusion matrix pairs them, with IoUs strictly above the threshold.
    private mutating func classesFirst(_ detections: ArraySlice<Int32>, first: Int) -> [Int32] {
        var candidates: [(index: Int, place: Int32, truth: Int32, isSame: Bool, overlap: Double)] = []
        for (index, place) in detections.enumerated() {
            let category = overlaps.category(ofDetection: Int(place))
            for pair in overlaps.pairs(Int(place))
            where pair.overlap > options.iouThreshold && !pair.isCrowd {
                let isSame = category == overlaps.category(ofTruth: Int(pair.truth))
                candidates.append((index, place, pair.truth, isSame, pair.overlap))
            }
        }
        // Places break ties, so that the order is one.
        candidates.sort { a, b in
            if a.isSame != b.isSame { return a.isSame }
            if a.overlap != b.overlap { return a.overlap > b.overlap }
            return (a.truth, a.place) < (b.truth, b.place)
        }
        var objects = [Int32](repeating: -1, count: detections.count)
        for candidate in candidates
        where objects[candidate.index] < 0 && !isTaken[Int(candidate.truth) - first] {
            isTaken[Int(candidate.truth) - first] = true
            objects[candidate.index] = candidate.truth
        }
        return objects
    }
}
