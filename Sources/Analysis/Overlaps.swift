import COCO
import Support

/// Ground truth and detections with the overlaps of all pairs of one image, whatever their classes.
///
/// Every analysis reads its matches from these overlaps by its own rules, so masks are compared once.
public struct Overlaps: Sendable {
    /// The grouped files; places below are indices of its rows.
    let problem: EvaluationProblem

    /// An annotated object that a detection overlaps.
    struct Pair {
        /// The place of the annotation.
        var truth: Int32

        /// Whether it is a crowd or, by LVIS's rules, ignored: what overlaps it counts neither way.
        var isCrowd: Bool

        /// The IoU; for a crowd the intersection over the detection's area.
        var overlap: Double
    }

    /// The pairs with an overlap above 0, detection by detection, in the order of the annotations' places.
    private let pairs: [Pair]

    /// Where the pairs of each detection begin; one more than detections.
    private let pairStarts: [Int]

    /// The places of detections, image by image, by falling score; equal scores in order of class, then of the file.
    private let ranked: [Int32]

    /// What each image is judged by; empty but by LVIS's rules.
    private let federations: [Federation]

    /// Compares detections with ground truth.
    ///
    /// Classes that the ground truth does not know are omitted; ``omissions`` counts them. For a federated data set (LVIS),
    /// detections of classes that were not looked for in an image are omitted too.
    /// - Parameters:
    ///   - truth: The annotated objects.
    ///   - detections: The detections.
    ///   - geometry: Whether boxes or masks are compared.
    ///   - categoryIDs: The classes that take part; nil for all.
    ///   - imageIDs: The images that take part; nil for all.
    ///   - threadCount: The number of threads, 0 for one per processor. Results do not depend on it.
    /// - Throws: `COCOError` when the files do not belong together or lack boxes or masks.
    public init(
        truth: Dataset, detections: DetectionTable, geometry: EvaluationOptions.Geometry,
        categoryIDs: [Int64]? = nil, imageIDs: [Int64]? = nil, threadCount: Int = 0
    ) throws {
        var options: EvaluationOptions = truth.isFederated ? .lvis(geometry) : .coco(geometry)
        options.categoryIDs = categoryIDs
        options.imageIDs = imageIDs
        options.threadCount = threadCount
        let problem = try EvaluationProblem(truth, detections, options)
        self.problem = problem
        federations =
            options.rules == .lvis
            ? try problem.imageRows.indices.map { try Federation(problem, image: $0) } : []
        var images = [ImagePairs](repeating: ImagePairs(), count: problem.imageRows.count)
        try Parallel.fill(
            &images, threads: Parallel.threadCount(threadCount), grain: 16, state: { ImageComparer(problem) }
        ) { comparer, image in try comparer.pairs(image: image) }
        var pairs: [Pair] = []
        var starts = [0]
        var ranked: [Int32] = []
        pairs.reserveCapacity(images.reduce(0) { $0 + $1.pairs.count })
        starts.reserveCapacity(problem.detectionRows.count + 1)
        ranked.reserveCapacity(problem.detectionRows.count)
        for image in images {
            let before = pairs.count
            for end in image.ends { starts.append(before + end) }
            pairs.append(contentsOf: image.pairs)
            ranked.append(contentsOf: image.ranked)
        }
        self.pairs = pairs
        self.ranked = ranked
        pairStarts = starts
    }

    /// The classes, in order of id.
    public var categories: [Category] { problem.categories }

    /// What was omitted or filled in.
    public var omissions: Omissions { problem.omissions }

    /// The number of images that took part.
    public var imageCount: Int { problem.imageRows.count }

    /// The number of threads, 0 for one per processor.
    var threadCount: Int { problem.options.threadCount }

    /// The number of detections that took part.
    public var detectionCount: Int { problem.detectionRows.count }

    /// The pairs of the detection at a place.
    func pairs(_ place: Int) -> ArraySlice<Pair> { pairs[pairStarts[place]..<pairStarts[place + 1]] }

    /// The score of the detection at a place.
    func score(_ place: Int) -> Double { problem.detections.scores[Int(problem.detectionRows[place])] }

    /// The index of the class of the detection at a place.
    func category(ofDetection place: Int) -> Int { Int(problem.detectionCategories[place]) }

    /// The index of the class of the annotation at a place.
    func category(ofTruth place: Int) -> Int { Int(problem.annotationCategories[place]) }

    /// Whether the annotation at a place is a crowd or, by LVIS's rules, ignored.
    func isCrowd(_ place: Int) -> Bool { problem.isCrowd(place) }

    /// The places of an image's detections by falling score; equal scores in order of class, then of the file.
    func ranked(image: Int) -> ArraySlice<Int32> {
        ranked[problem.detectionStarts[image]..<problem.detectionStarts[image + 1]]
    }

    /// The places of an image's annotations.
    func truths(image: Int) -> Range<Int> {
        problem.annotationStarts[image]..<problem.annotationStarts[image + 1]
    }

    /// The classes that an image is judged by, in a federated data set; nil in others.
    func federation(image: Int) -> Federation? { federations.isEmpty ? nil : federations[image] }

    /// The number of annotations of each class that are to be found.
    func objectCounts() -> [Int] {
        var counts = [Int](repeating: 0, count: categories.count)
        for place in problem.annotationRows.indices where !isCrowd(place) {
            counts[category(ofTruth: place)] += 1
        }
        return counts
    }
}

extension EvaluationProblem {
    /// Whether the annotation at a place is a crowd or, by LVIS's rules, ignored.
    fileprivate func isCrowd(_ place: Int) -> Bool {
        truth.annotations.flags[Int(annotationRows[place])].contains(
            options.rules == .lvis ? .isIgnored : .isCrowd)
    }
}

extension DetectionTable {
    /// How messages name a detection.
    fileprivate func subject(_ row: Int) -> String { "detection at index \(row) (image \(imageIDs[row]))" }
}

/// The pairs of one image.
private struct ImagePairs: Sendable {
    /// The number of pairs up to and with those of each detection.
    var ends: [Int] = []
    var pairs: [Overlaps.Pair] = []
    /// The places of the detections by falling score.
    var ranked: [Int32] = []
}

/// Compares the detections and annotations of one image at a time. Each thread has one and reuses its buffers.
private struct ImageComparer {
    let problem: EvaluationProblem
    var arena = MaskArena()
    var truthMasks: [MaskArena.Entry] = []
    var truthBoxes: [BoundingBox] = []
    var areCrowds: [Bool] = []
    var keys: [(score: Double, place: Int32)] = []

    /// LVIS knows no crowds: its ignored objects are compared as others are.
    private var hasCrowds: Bool { problem.options.rules != .lvis }

    init(_ problem: EvaluationProblem) { self.problem = problem }

    mutating func pairs(image: Int) throws -> ImagePairs {
        let detections = problem.detectionStarts[image]..<problem.detectionStarts[image + 1]
        var result = ImagePairs()
        guard !detections.isEmpty else { return result }
        let truths = problem.annotationStarts[image]..<problem.annotationStarts[image + 1]
        try prepare(image, truths)
        result.ends.reserveCapacity(detections.count)
        for place in detections {
            if !truths.isEmpty {
                switch problem.options.geometry {
                case .box: try addBoxes(place, image, truths, to: &result.pairs)
                case .mask: try addMasks(place, image, truths, to: &result.pairs)
                }
            }
            result.ends.append(result.pairs.count)
        }
        keys.removeAll(keepingCapacity: true)
        for place in detections {
            let score = problem.detections.scores[Int(problem.detectionRows[place])]
            keys.append((score, Int32(place)))
        }
        keys.sort { $0.score != $1.score ? $0.score > $1.score : $0.place < $1.place }
        result.ranked = keys.map(\.place)
        return result
    }

    private mutating func prepare(_ image: Int, _ truths: Range<Int>) throws {
        arena.removeAll()
        truthMasks.removeAll(keepingCapacity: true)
        truthBoxes.removeAll(keepingCapacity: true)
        areCrowds.removeAll(keepingCapacity: true)
        let table = problem.truth.annotations
        for place in truths {
            let row = Int(problem.annotationRows[place])
            areCrowds.append(problem.isCrowd(place))
            switch problem.options.geometry {
            case .box: truthBoxes.append(table.boxes[row])
            case .mask:
                truthMasks.append(
                    try mask(table.segmentations, row, image, "annotation \(table.ids[row])"))
            }
        }
    }

    private mutating func mask(
        _ column: SegmentationColumn, _ row: Int, _ image: Int, _ subject: @autoclosure () -> String
    ) throws -> MaskArena.Entry {
        let imageRow = problem.imageRows[image]
        do {
            return try arena.add(
                column, row, height: Int(problem.truth.images.heights[imageRow]),
                width: Int(problem.truth.images.widths[imageRow]), bounds: true)
        } catch let error as COCOError {
            throw COCOError(error.reason, subject: subject())
        }
    }

    private mutating func addBoxes(
        _ place: Int, _ image: Int, _ truths: Range<Int>, to pairs: inout [Overlaps.Pair]
    ) throws {
        let row = Int(problem.detectionRows[place])
        var box = problem.detections.boxes[row]
        if !problem.detections.hasBox[row] {
            let table = problem.detections
            box = arena.box(try mask(table.segmentations, row, image, table.subject(row)))
        }
        for index in truthBoxes.indices {
            let overlap = box.overlap(with: truthBoxes[index], isCrowd: hasCrowds && areCrowds[index])
            guard overlap > 0 else { continue }
            pairs.append(
                .init(
                    truth: Int32(truths.lowerBound + index), isCrowd: areCrowds[index], overlap: overlap))
        }
    }

    private mutating func addMasks(
        _ place: Int, _ image: Int, _ truths: Range<Int>, to pairs: inout [Overlaps.Pair]
    ) throws {
        let table = problem.detections
        let row = Int(problem.detectionRows[place])
        let detected = try mask(table.segmentations, row, image, table.subject(row))
        for (index, truth) in truthMasks.enumerated() {
            let common: Int
            do {
                common = try arena.intersection(detected, truth)
            } catch let error as COCOError {
                throw COCOError(error.reason, subject: table.subject(row))
            }
            guard common > 0 else { continue }
            let total = hasCrowds && areCrowds[index] ? detected.area : detected.area + truth.area - common
            pairs.append(
                .init(
                    truth: Int32(truths.lowerBound + index), isCrowd: areCrowds[index],
                    overlap: Double(common) / Double(total)))
        }
    }
}
