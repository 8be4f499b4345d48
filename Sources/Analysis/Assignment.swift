import COCO

/// Detections assigned to objects as COCO's evaluation does it at one IoU: class by class, by falling score, each to the
/// free object with the greatest IoU. Those on crowds count neither way and are omitted.
public struct Assignment: Sendable {
    /// A detection that counts.
    struct Decision: Sendable {
        /// The score.
        var score: Double

        /// The IoU with its object; nil for a false positive.
        var overlap: Double?

        /// The place among the detections.
        var place: Int
    }

    /// The least IoU.
    public let iouThreshold: Double

    /// The classes in order of id.
    public let categories: [Category]

    /// The decisions of every class by falling score; equal scores in order of image, then of the file.
    let decisions: [[Decision]]

    /// The number of objects of every class that are to be found.
    public let objectCounts: [Int]

    /// The detection that found each annotation, by place; -1 for none.
    let finders: [Int32]

    /// Assigns the detections of pairs.
    ///
    /// - Parameters:
    ///   - overlaps: The overlaps.
    ///   - iouThreshold: The least IoU of a detection and its object.
    ///   - maximumDetections: The number of detections of an image and class that take part. LVIS's rules count over all
    ///     classes of an image instead, 300.
    /// - Throws: `COCOError` for an IoU threshold outside of 0 to 1.
    public init(_ overlaps: Overlaps, iouThreshold: Double = 0.5, maximumDetections: Int = 100) throws {
        guard iouThreshold > 0, iouThreshold <= 1 else {
            throw COCOError("an IoU threshold above 0 and at most 1 is needed, not \(iouThreshold)")
        }
        let problem = overlaps.problem
        self.iouThreshold = iouThreshold
        categories = overlaps.categories
        objectCounts = overlaps.objectCounts()
        // Just below 1, so that equal boxes match in spite of rounding.
        let threshold = min(iouThreshold, 1 - 1e-10)
        let limit = problem.options.rules == .lvis ? Int.max : maximumDetections
        var decisions = [[Decision]](repeating: [], count: overlaps.categories.count)
        var finders = [Int32](repeating: -1, count: problem.annotationRows.count)
        for image in 0..<overlaps.imageCount {
            let federation = overlaps.federation(image: image)
            var (category, rank) = (-1, 0)
            for place in problem.detectionStarts[image]..<problem.detectionStarts[image + 1] {
                rank = overlaps.category(ofDetection: place) == category ? rank + 1 : 0
                category = overlaps.category(ofDetection: place)
                guard rank < limit else { continue }
                var best: Overlaps.Pair?
                var isInCrowd = false
                for pair in overlaps.pairs(place)
                where pair.overlap >= threshold && overlaps.category(ofTruth: Int(pair.truth)) == category {
                    if pair.isCrowd {
                        isInCrowd = true
                    } else if finders[Int(pair.truth)] < 0, pair.overlap >= best?.overlap ?? 0 {
                        best = pair
                    }
                }
                if let best {
                    finders[Int(best.truth)] = Int32(place)
                } else if isInCrowd || federation?.isPartial(Int32(category)) == true {
                    continue
                }
                decisions[category].append(
                    Decision(score: overlaps.score(place), overlap: best?.overlap, place: place))
            }
        }
        for category in decisions.indices {
            decisions[category].sort { a, b in a.score != b.score ? a.score > b.score : a.place < b.place }
        }
        self.decisions = decisions
        self.finders = finders
    }

    /// The index of the class with an id.
    func index(ofCategory id: Int64) -> Int? { categories.firstIndex { $0.id == id } }
}
