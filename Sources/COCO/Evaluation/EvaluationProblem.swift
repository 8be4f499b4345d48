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
        let proposals = options.rules == .proposals
        var imageRanks = [Int32](repeating: -1, count: table.count)
        var categoryRanks = [Int32](repeating: -1, count: table.count)
        for row in 0..<table.count {
            guard let image = images[table.imageIDs[row]] else {
                throw COCOError(
                    "detection at index \(row): the image \(table.imageIDs[row]) is not in the ground truth; "
                        + "do the two files belong together?")
            }
            if let category = categories[table.categoryIDs[row]] {
                categoryRanks[row] = Int32(category)
            } else if !proposals {
                if options.categoryIDs == nil { omissions.detectionsWithoutCategory += 1 }
                // LVIS counts these among the best of the image before it drops them.
                if options.rules != .lvis { continue }
            }
            imageRanks[row] = ranks[image]
        }
        var (rows, starts) = Self.group(imageRanks, count: imageRows.count)
        let scores = table.scores
        func isBetter(_ a: Int32, _ b: Int32) -> Bool {
            let (x, y) = (scores[Int(a)], scores[Int(b)])
            return x != y ? x > y : a < b
        }
        var kept: [Int32] = []
        kept.reserveCapacity(rows.count)
        var keptStarts = [0]
        keptStarts.reserveCapacity(starts.count)
        for image in 0..<imageRows.count {
            var range = starts[image]..<starts[image + 1]
            if options.rules == .lvis, let limit = options.detectionLimits.last, range.count > limit {
                rows[range].sort(by: isBetter)
                range = range.lowerBound..<range.lowerBound + limit
            }
            let federation = options.rules == .lvis ? try Federation(self, image: image) : nil
            let begin = kept.count
            for row in rows[range] {
                let category = categoryRanks[Int(row)]
                if let federation, category < 0 || !federation.judges(category) { continue }
                kept.append(row)
            }
            if proposals {
                // The reference concatenates the classes before sorting by score.
                kept[begin...].sort { a, b in
                    let (x, y) = (scores[Int(a)], scores[Int(b)])
                    if x != y { return x > y }
                    let (k, l) = (categoryRanks[Int(a)], categoryRanks[Int(b)])
                    return k != l ? UInt32(bitPattern: k) < UInt32(bitPattern: l) : a < b
                }
            } else {
                kept[begin...].sort { a, b in
                    let (k, l) = (categoryRanks[Int(a)], categoryRanks[Int(b)])
                    return k != l ? k < l : isBetter(a, b)
                }
            }
            keptStarts.append(kept.count)
        }
        detectionRows = kept
        detectionStarts = keptStarts
        detectionCategories = kept.map { proposals ? 0 : categoryRanks[Int($0)] }
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
        func ranks(_ ids: ArraySlice<Int64>) -> Set<Int32> {
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
