import Support

/// Ground truth and detections sorted by image: one image is one unit of work, and the many pairs of image and class
/// that have neither cost nothing.
package struct EvaluationProblem: Sendable {
    /// The ground truth.
    package let truth: Dataset

    /// The detections.
    package let detections: DetectionTable

    /// What is compared, and by whose rules.
    package let options: EvaluationOptions

    /// The classes to score, in order of id.
    package let categories: [Category]

    /// The rows of the images to score, in order of id.
    package let imageRows: [Int]

    /// The rows of annotations, image by image, and the start of each image's rows; one more than images.
    package private(set) var annotationRows: [Int32] = []
    package private(set) var annotationStarts: [Int] = []

    /// The areas of all annotations of the ground truth. An area that the file does not state is that of the mask or of
    /// the box, computed like pycocotools computes the areas of results.
    package private(set) var truthAreas: [Double] = []

    /// The rank of the class of every row of ``annotationRows``; all 0 if classes are ignored.
    package private(set) var annotationCategories: [Int32] = []

    /// The same for detections; those of a class by descending score.
    package private(set) var detectionRows: [Int32] = []
    package private(set) var detectionStarts: [Int] = []
    package private(set) var detectionCategories: [Int32] = []

    /// What was omitted.
    package private(set) var omissions = Omissions()

    /// The number of classes scored separately.
    var classCount: Int { options.rules == .proposals ? 1 : categories.count }

    /// Groups annotations and detections by image.
    /// - Throws: ``COCOError`` when the files do not belong together or lack what the options need.
    package init(_ truth: Dataset, _ detections: DetectionTable, _ options: EvaluationOptions) throws {
        try options.validate()
        self.truth = truth
        self.detections = detections
        self.options = options
        guard truth.annotations.count < Int32.max, detections.count < Int32.max else {
            throw COCOError("more than 2^31 annotations or detections")
        }
        categories = try Self.categories(truth, options)
        let imageIndex = IDIndex(truth.images.ids)
        if let row = imageIndex.duplicates.first {
            throw COCOError("the image id \(truth.images.ids[row]) occurs twice in the ground truth")
        }
        var rows: [Int] = Array(0..<truth.images.count)
        if let ids = options.imageIDs {
            rows = try Set(ids).map { id in
                guard let row = imageIndex[id] else {
                    throw COCOError("the requested image \(id) is not in the ground truth")
                }
                return row
            }
        }
        rows.sort { truth.images.ids[$0] < truth.images.ids[$1] }
        imageRows = rows
        // From rows to ranks; -1 for an image that is not scored.
        var ranks = [Int32](repeating: -1, count: truth.images.count)
        for (rank, row) in rows.enumerated() { ranks[row] = Int32(rank) }
        let categoryIndex = IDIndex(categories.map(\.id))
        truthAreas = truth.annotations.areas
        try groupAnnotations(imageIndex, ranks, categoryIndex)
        try groupDetections(imageIndex, ranks, categoryIndex)
    }

    private static func categories(_ truth: Dataset, _ options: EvaluationOptions) throws -> [Category] {
        let index = IDIndex(truth.categories.map(\.id))
        if let row = index.duplicates.first {
            throw COCOError(
                "the category id \(truth.categories[row].id) occurs twice in the ground truth")
        }
        var result = truth.categories
        if let ids = options.categoryIDs {
            result = try Set(ids).map { id in
                guard let row = index[id] else {
                    throw COCOError(
                        "the requested category \(id) is not in the ground truth")
                }
                return truth.categories[row]
            }
        }
        return result.sorted { $0.id < $1.id }
    }

    private mutating func groupAnnotations(_ images: IDIndex, _ ranks: [Int32], _ categories: IDIndex) throws
    {
        let table = truth.annotations
        var places = [(image: Int32, category: Int32)](repeating: (-1, -1), count: table.count)
        for row in 0..<table.count {
            guard let image = images[table.imageIDs[row]] else {
                omissions.annotationsWithoutImage += 1
                continue
            }
            guard let category = categories[table.categoryIDs[row]] else {
                if options.categoryIDs == nil { omissions.annotationsWithoutCategory += 1 }
                continue
            }
            guard ranks[image] >= 0 else { continue }
            // pycocotools fails on these too, even if no detection is compared with them.
            if options.geometry == .mask, table.segmentations.kind(row) == .none {
                throw COCOError(
                    "has no segmentation, which the comparison of masks needs",
                    subject: "annotation \(table.ids[row])")
            }
            if options.geometry == .box, !table.flags[row].contains(.hasBox) {
                throw COCOError(
                    "has no bbox, which the comparison of boxes needs",
                    subject: "annotation \(table.ids[row])")
            }
            if !table.flags[row].contains(.hasArea) {
                truthAreas[row] = try computedArea(row, image: image)
                omissions.annotationsWithoutArea += 1
            }
            // LVIS's tools query annotations with an area above 0.
            if options.rules == .lvis, !(truthAreas[row] > 0) {
                omissions.annotationsOfNoArea += 1
                continue
            }
            places[row] = (ranks[image], Int32(category))
        }
        let proposals = options.rules == .proposals
        (annotationRows, annotationStarts) = Self.group(places.map(\.image), count: imageRows.count)
        for image in 0..<imageRows.count {
            // Stable: annotations of a class keep the file's order.
            annotationRows[annotationStarts[image]..<annotationStarts[image + 1]].sort { a, b in
                let (x, y) = (places[Int(a)].category, places[Int(b)].category)
                return x != y ? x < y : a < b
            }
        }
        annotationCategories = annotationRows.map { proposals ? 0 : places[Int($0)].category }
    }

    /// The area of an annotation that states none.
    private func computedArea(_ row: Int, image: Int) throws -> Double {
        let table = truth.annotations
        let (height, width) = (Int(truth.images.heights[image]), Int(truth.images.widths[image]))
        let box = table.flags[row].contains(.hasBox) ? table.boxes[row] : nil
        guard let segmentation = table.segmentations[row] else { return box?.area ?? 0 }
        if case .polygons = segmentation, height == 0 || width == 0 {
            guard let box else {
                throw COCOError(
                    "has no area, and its image has no width and height to measure its polygons",
                    subject: "annotation \(table.ids[row])")
            }
            return box.area
        }
        do {
            return Double(try RunLengthMask(segmentation, height: height, width: width).area)
        } catch let error as COCOError {
            throw error.about("annotation \(table.ids[row])")
        }
    }

    private mutating func groupDetections(_ images: IDIndex, _ ranks: [Int32], _ categories: IDIndex) throws {
        let table = detections
        let rules = options.rules
        let threads = Parallel.threadCount(options.threadCount)
        var places = [(image: Int32, category: Int32)](repeating: (-1, -1), count: table.count)
        try Parallel.fill(&places, threads: threads, grain: 4096, state: {}) { _, row in
            guard let image = images[table.imageIDs[row]] else {
                throw COCOError(
                    "detection at index \(row): the image \(table.imageIDs[row]) is not in the ground truth; "
                        + "do the two files belong together?")
            }
            let category = categories[table.categoryIDs[row]].map(Int32.init) ?? -1
            // LVIS counts detections of unknown classes among the best of the image before it drops them.
            return (category >= 0 || rules != .coco ? ranks[image] : -1, category)
        }
        if rules != .proposals, options.categoryIDs == nil {
            omissions.detectionsWithoutCategory = places.count { $0.category < 0 }
        }
        (detectionRows, detectionStarts) = Self.group(places.map(\.image), count: imageRows.count)
        try sortDetections(places, threads: threads)
        detectionCategories = detectionRows.map { rules == .proposals ? 0 : places[Int($0)].category }
    }

    /// Sorts the detections of each image as they are compared, and by LVIS's rules drops those that are not.
    private mutating func sortDetections(_ places: [(image: Int32, category: Int32)], threads: Int) throws {
        let scores = detections.scores
        let (rules, starts, limit) = (options.rules, detectionStarts, options.detectionLimits.last)
        var rows = detectionRows
        var counts = [Int](repeating: 0, count: imageRows.count)
        try rows.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            let shared = Parallel.Shared(base)
            try Parallel.fill(&counts, threads: threads, grain: 16, state: { [RankedDetection]() }) {
                [self] ranked, image in
                let rows = UnsafeMutableBufferPointer(
                    start: shared.base + starts[image], count: starts[image + 1] - starts[image])
                ranked.removeAll(keepingCapacity: true)
                for row in rows {
                    ranked.append(
                        RankedDetection(
                            score: scores[Int(row)], category: places[Int(row)].category, row: row))
                }
                switch rules {
                case .coco: ranked.sort(by: RankedDetection.isBefore)
                case .proposals:
                    // The reference concatenates the classes before sorting by score.
                    ranked.sort { a, b in
                        if a.score != b.score { return a.score > b.score }
                        let (k, l) = (UInt32(bitPattern: a.category), UInt32(bitPattern: b.category))
                        return k != l ? k < l : a.row < b.row
                    }
                case .lvis:
                    let federation = try Federation(self, image: image)
                    if let limit, ranked.count > limit {
                        ranked.sort { $0.score != $1.score ? $0.score > $1.score : $0.row < $1.row }
                        ranked.removeSubrange(limit...)
                    }
                    ranked.removeAll { $0.category < 0 || !federation.judges($0.category) }
                    ranked.sort(by: RankedDetection.isBefore)
                }
                for (index, detection) in ranked.enumerated() { rows[index] = detection.row }
                return ranked.count
            }
        }
        guard rules == .lvis else {
            detectionRows = rows
            return
        }
        var kept: [Int32] = []
        kept.reserveCapacity(counts.reduce(0, +))
        var keptStarts = [0]
        keptStarts.reserveCapacity(starts.count)
        for (image, count) in counts.enumerated() {
            kept.append(contentsOf: rows[starts[image]..<starts[image] + count])
            keptStarts.append(kept.count)
        }
        (detectionRows, detectionStarts) = (kept, keptStarts)
    }

    /// The rows by image, those of an image in the file's order; rows of rank -1 are omitted.
    private static func group(_ ranks: [Int32], count: Int) -> (rows: [Int32], starts: [Int]) {
        var starts = [Int](repeating: 0, count: count + 1)
        for rank in ranks where rank >= 0 { starts[Int(rank) + 1] += 1 }
        for index in 0..<count { starts[index + 1] += starts[index] }
        var next = starts
        var rows = [Int32](repeating: 0, count: starts[count])
        for (row, rank) in ranks.enumerated() where rank >= 0 {
            rows[next[Int(rank)]] = Int32(row)
            next[Int(rank)] += 1
        }
        return (rows, starts)
    }
}

/// A detection while those of its image are sorted.
private struct RankedDetection {
    var score: Double
    var category: Int32
    var row: Int32

    /// By class, those of a class by falling score, equal ones in the file's order.
    static func isBefore(_ a: RankedDetection, _ b: RankedDetection) -> Bool {
        if a.category != b.category { return a.category < b.category }
        return a.score != b.score ? a.score > b.score : a.row < b.row
    }
}

/// What an evaluation omitted or filled in.
public struct Omissions: Sendable, Hashable {
    /// Annotations whose image is not in the file.
    public internal(set) var annotationsWithoutImage = 0

    /// Annotations whose class is not in the file.
    public internal(set) var annotationsWithoutCategory = 0

    /// Detections whose class is not in the ground truth.
    public internal(set) var detectionsWithoutCategory = 0

    /// Annotations without an area, which were scored with that of their mask or box.
    public internal(set) var annotationsWithoutArea = 0

    /// Annotations with an area of 0, which LVIS's rules ignore.
    public internal(set) var annotationsOfNoArea = 0

    /// One line per kind, as text: `3 annotations have no area: ...`.
    public var notices: [String] {
        [
            (detectionsWithoutCategory, "detections have classes that the ground truth does not have"),
            (annotationsWithoutCategory, "annotations have classes that the file does not have"),
            (annotationsWithoutImage, "annotations have images that the file does not have"),
            (
                annotationsWithoutArea,
                "annotations have no area; that of their mask, or else of their box, is used"
            ),
            (annotationsOfNoArea, "annotations have an area of 0 and are ignored by LVIS's rules"),
        ].compactMap { $0 == 0 ? nil : "\($0) \($1)" }
    }
}

/// LVIS: the classes annotated in an image.
package struct Federation {
    private let positive: Set<Int32>
    private let negative: Set<Int32>
    private let notExhaustive: Set<Int32>

    /// The lists of an image.
    /// - Throws: ``COCOError`` when it has none.
    package init(_ problem: EvaluationProblem, image: Int) throws {
        let images = problem.truth.images
        let row = problem.imageRows[image]
        guard let absent = images.negativeCategoryIDs[row], let partial = images.notExhaustiveCategoryIDs[row]
        else {
            throw COCOError(
                "image \(images.ids[row]) has no neg_category_ids or not_exhaustive_category_ids, which LVIS's rules "
                    + "need; score it with COCO's rules")
        }
        func ranks(_ ids: [Int64]) -> Set<Int32> {
            Set(ids.compactMap { id in problem.rank(ofCategory: id) })
        }
        positive = Set(
            problem.annotationCategories[
                problem.annotationStarts[image]..<problem.annotationStarts[image + 1]])
        negative = ranks(absent)
        notExhaustive = ranks(partial)
    }

    /// Whether the image was checked for the class.
    func judges(_ category: Int32) -> Bool { positive.contains(category) || negative.contains(category) }

    /// Whether some objects of the class may be unannotated.
    package func isPartial(_ category: Int32) -> Bool { notExhaustive.contains(category) }
}

extension EvaluationProblem {
    /// The rank of a class among the scored classes.
    package func rank(ofCategory id: Int64) -> Int32? {
        var (low, high) = (0, categories.count)
        while low < high {
            let middle = (low + high) / 2
            if categories[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return low < categories.count && categories[low].id == id ? Int32(low) : nil
    }
}
