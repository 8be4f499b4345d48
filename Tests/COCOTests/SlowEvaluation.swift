import COCO

/// The protocol of COCO as plainly as it can be written: every class, every image, every threshold, pixel by pixel.
///
/// An independent second opinion for small random problems; shares no code with the evaluation but the boxes' and
/// the masks' pixels.
struct SlowEvaluation {
    /// Precision by the indices of IoU threshold, recall threshold, class, range of areas, limit of detections.
    var precision: [[Int]: Double] = [:]
    var score: [[Int]: Double] = [:]
    var recall: [[Int]: Double] = [:]

    private struct Object {
        var id = 0
        var box: BoundingBox?
        var pixels: [UInt8] = []
        var area = 0.0
        var isIgnored = false
        var isCrowd = false
        var score = 0.0
        var order = 0
    }

    init(_ truth: Dataset, _ detections: DetectionTable, _ options: EvaluationOptions) throws {
        let categories = truth.categories.map(\.id).sorted()
        let images = truth.images.ids.sorted()
        let isLVIS = options.rules == .lvis
        let proposals = options.rules == .proposals
        var allowed = Set(0..<detections.count)
        if isLVIS {
            for image in images {
                let own = (0..<detections.count).filter { detections.imageIDs[$0] == image }
                let sorted = own.sorted {
                    (detections.scores[$0], -$0) > (detections.scores[$1], -$1)
                }
                for row in sorted.dropFirst(options.detectionLimits[0]) { allowed.remove(row) }
            }
        }
        for (k, category) in (proposals ? [0] : categories).enumerated() {
            for (a, range) in options.areaRanges.enumerated() {
                for (m, limit) in options.detectionLimits.enumerated() {
                    for (t, threshold) in options.iouThresholds.enumerated() {
                        var found: [(score: Double, order: Int, isTrue: Bool)] = []
                        var objects = 0
                        var order = 0
                        var isEmpty = true
                        for image in images {
                            let record = truth.images[truth.images.ids.firstIndex(of: image)!]
                            var own: [Object] = []
                            for row in 0..<truth.annotations.count
                            where truth.annotations.imageIDs[row] == image
                                && (proposals || truth.annotations.categoryIDs[row] == category)
                            {
                                // LVIS's tools ask for objects of an area above 0.
                                guard !isLVIS || truth.annotations.areas[row] > 0 else { continue }
                                own.append(try Self.object(truth.annotations[row], record, options, range))
                            }
                            var candidates: [Object] = []
                            let judged =
                                !isLVIS || !own.isEmpty
                                || record.negativeCategoryIDs?.contains(category) == true
                            for row in allowed.sorted()
                            where judged && detections.imageIDs[row] == image
                                && (proposals || detections.categoryIDs[row] == category)
                            {
                                var object = try Self.object(detections[row], record, options)
                                guard !isLVIS || object.area > 0 else { continue }
                                object.order = row
                                if proposals {
                                    object.order += Int(detections.categoryIDs[row]) * 1_000_000
                                }
                                candidates.append(object)
                            }
                            candidates.sort { ($0.score, -$0.order) > ($1.score, -$1.order) }
                            // All take part in the matching up to the greatest limit; matches of better ones do not
                            // depend on worse ones.
                            if !isLVIS { candidates = Array(candidates.prefix(limit)) }
                            objects += own.count { !$0.isIgnored }
                            let partial =
                                isLVIS && record.notExhaustiveCategoryIDs?.contains(category) == true
                            var free = own
                            for candidate in candidates {
                                isEmpty = false
                                order += 1
                                switch Self.match(candidate, &free, threshold, options) {
                                case .some(false): found.append((candidate.score, order, true))
                                case .some(true): found.append((candidate.score, -order, true))
                                case .none:
                                    let outside =
                                        candidate.area < range.lowerBound || candidate.area > range.upperBound
                                    found.append(
                                        (candidate.score, outside || partial ? -order : order, false))
                                }
                            }
                        }
                        guard objects > 0 else { continue }
                        _ = isEmpty
                        // A negative order marks what is disregarded.
                        found.sort { ($0.score, -abs($0.order)) > ($1.score, -abs($1.order)) }
                        fill(found, objects, options, t, k, a, m)
                    }
                }
            }
        }
    }

    private mutating func fill(
        _ found: [(score: Double, order: Int, isTrue: Bool)], _ objects: Int, _ options: EvaluationOptions,
        _ t: Int,
        _ k: Int, _ a: Int, _ m: Int
    ) {
        var curve: [(recall: Double, precision: Double, score: Double)] = []
        var (trues, falses) = (0.0, 0.0)
        for entry in found {
            if entry.order > 0 {
                if entry.isTrue { trues += 1 } else { falses += 1 }
            }
            curve.append((trues / Double(objects), trues / (trues + falses + 0x1p-52), entry.score))
        }
        recall[[t, k, a, m]] = curve.last?.recall ?? 0
        for (r, level) in options.recallThresholds.enumerated() {
            let reached = curve.firstIndex { $0.recall >= level }
            precision[[t, r, k, a, m]] = reached.map { curve[$0...].map(\.precision).max() ?? 0 } ?? 0
            score[[t, r, k, a, m]] = reached.map { curve[$0].score } ?? 0
        }
    }

    /// Whether the matched object is to be ignored; nil without a match.
    private static func match(
        _ candidate: Object, _ objects: inout [Object], _ threshold: Double, _ options: EvaluationOptions
    ) -> Bool? {
        func best(_ ignored: Bool) -> Int? {
            var result: Int?
            var greatest = min(threshold, 1 - 1e-10)
            for index in objects.indices
            where objects[index].isIgnored == ignored && objects[index].order == 0 {
                let overlap = Self.overlap(candidate, objects[index])
                if overlap >= greatest { (greatest, result) = (overlap, index) }
            }
            return result
        }
        guard let index = best(false) ?? best(true) else { return nil }
        if !objects[index].isCrowd { objects[index].order = 1 }
        return objects[index].isIgnored
    }

    private static func overlap(_ a: Object, _ b: Object) -> Double {
        if let x = a.box, let y = b.box { return x.overlap(with: y, isCrowd: b.isCrowd) }
        var (common, all, first) = (0, 0, 0)
        for (x, y) in zip(a.pixels, b.pixels) {
            common += Int(x & y)
            all += Int(x | y)
            first += Int(x)
        }
        return common == 0 ? 0 : Double(common) / Double(b.isCrowd ? first : all)
    }

    private static func pixels(_ segmentation: Segmentation?, _ image: ImageRecord) throws -> [UInt8] {
        guard let segmentation else { return [] }
        return try RunLengthMask(segmentation, height: image.height, width: image.width).pixels()
    }

    private static func object(
        _ annotation: AnnotationRecord, _ image: ImageRecord, _ options: EvaluationOptions, _ range: AreaRange
    ) throws -> Object {
        var object = Object()
        object.area = annotation.area ?? 0
        let isLVIS = options.rules == .lvis
        object.isCrowd = annotation.isCrowd && !isLVIS
        object.isIgnored =
            (isLVIS ? annotation.isIgnored : annotation.isCrowd) || object.area < range.lowerBound
            || object.area > range.upperBound
        if options.geometry == .box {
            object.box = annotation.box
        } else {
            object.pixels = try pixels(annotation.segmentation, image)
        }
        return object
    }

    private static func object(
        _ detection: DetectionRecord, _ image: ImageRecord, _ options: EvaluationOptions
    )
        throws -> Object
    {
        var object = Object()
        object.score = detection.score
        if options.geometry == .box {
            object.box = detection.box
            object.area = detection.box?.area ?? 0
        } else {
            object.pixels = try pixels(detection.segmentation, image)
            object.area = Double(object.pixels.reduce(0) { $0 + Int($1) })
        }
        return object
    }
}
