import COCO

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
        // By the place of a detection, that of its object; -1 for none.
        var paired = [Int32](repeating: -1, count: overlaps.detectionCount)
        var isTaken = [Bool](repeating: false, count: overlaps.problem.annotationRows.count)
        let problem = overlaps.problem
        for image in 0..<overlaps.imageCount {
            var detections = overlaps.ranked(image: image)
            if let least = options.scoreThreshold {
                detections = detections.prefix { overlaps.score(Int($0)) >= least }
            }
            detections = detections.prefix(options.maximumDetections)
            switch options.matching {
            case .byScore: Self.pairByScore(overlaps, detections, options, &isTaken, &paired)
            case .classFirst: Self.pairClassesFirst(overlaps, detections, options, &isTaken, &paired)
            }
            let federation = overlaps.federation(image: image)
            for place in detections.lazy.map({ Int($0) }) {
                let truth = paired[place] >= 0 ? Int(paired[place]) : nil
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

    private static func pairByScore(
        _ overlaps: Overlaps, _ detections: ArraySlice<Int32>, _ options: Options, _ isTaken: inout [Bool],
        _ paired: inout [Int32]
    ) {
        for place in detections {
            var best: Overlaps.Pair?
            for pair in overlaps.pairs(Int(place))
            where pair.overlap >= options.iouThreshold && !isTaken[Int(pair.truth)]
                && !pair.isCrowd && pair.overlap >= best?.overlap ?? 0
            { best = pair }
            guard let best else { continue }
            isTaken[Int(best.truth)] = true
            paired[Int(place)] = best.truth
        }
    }

    /// As supervision's confusion matrix pairs them, with IoUs strictly above the threshold.
    private static func pairClassesFirst(
        _ overlaps: Overlaps, _ detections: ArraySlice<Int32>, _ options: Options, _ isTaken: inout [Bool],
        _ paired: inout [Int32]
    ) {
        var candidates: [(place: Int32, truth: Int32, isSame: Bool, overlap: Double)] = []
        for place in detections {
            let category = overlaps.category(ofDetection: Int(place))
            for pair in overlaps.pairs(Int(place))
            where pair.overlap > options.iouThreshold && !pair.isCrowd {
                let isSame = category == overlaps.category(ofTruth: Int(pair.truth))
                candidates.append((place, pair.truth, isSame, pair.overlap))
            }
        }
        // Places break ties, so that the order is one.
        candidates.sort { a, b in
            if a.isSame != b.isSame { return a.isSame }
            if a.overlap != b.overlap { return a.overlap > b.overlap }
            return (a.truth, a.place) < (b.truth, b.place)
        }
        for candidate in candidates
        where paired[Int(candidate.place)] < 0 && !isTaken[Int(candidate.truth)] {
            isTaken[Int(candidate.truth)] = true
            paired[Int(candidate.place)] = candidate.truth
        }
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
