import COCO

@testable import Analysis

/// Detections assigned to objects as COCO's evaluation does it, written down without regard to speed, and the figures that
/// follow from it.
struct SlowAssignment {
    struct Item {
        var category: Int64
        var score: Double
        var overlap: Double?
    }

    var items: [Item] = []
    var objectCounts: [Int64: Int] = [:]
    let iouThreshold: Double
    let categories: [Int64]

    init(_ truth: Dataset, _ table: DetectionTable, iouThreshold: Double) {
        self.iouThreshold = iouThreshold
        categories = truth.categories.map(\.id)
        let annotations = (0..<truth.annotations.count).map { truth.annotations[$0] }
        for category in categories {
            objectCounts[category] = annotations.count { $0.categoryID == category && !$0.isCrowd }
            for image in truth.images.ids {
                let objects = annotations.filter { $0.imageID == image && $0.categoryID == category }
                var taken: Set<Int64> = []
                let rows = (0..<table.count)
                    .filter { table.imageIDs[$0] == image && table.categoryIDs[$0] == category }
                    .sorted { a, b in
                        table.scores[a] != table.scores[b] ? table.scores[a] > table.scores[b] : a < b
                    }
                for row in rows.prefix(100) {
                    func overlap(_ object: AnnotationRecord) -> Double {
                        object.box.map { table.boxes[row].overlap(with: $0, isCrowd: object.isCrowd) } ?? 0
                    }
                    let free = objects.filter {
                        !$0.isCrowd && !taken.contains($0.id) && overlap($0) >= iouThreshold
                    }
                    // The last one of equal overlaps, as in pycocotools.
                    let best = free.reduce(nil as AnnotationRecord?) { best, object in
                        best.map { overlap(object) >= overlap($0) } ?? true ? object : best
                    }
                    if let best {
                        taken.insert(best.id)
                        items.append(
                            Item(category: category, score: table.scores[row], overlap: overlap(best)))
                    } else if !objects.contains(where: { $0.isCrowd && overlap($0) >= iouThreshold }) {
                        items.append(Item(category: category, score: table.scores[row], overlap: nil))
                    }
                }
            }
        }
    }

    /// Every threshold with its count of right and wrong detections, highest first.
    func points(_ category: Int64?) -> [(threshold: Double, right: Int, wrong: Int)] {
        let own = items.filter { category == nil || $0.category == category }
        return Set(own.map(\.score)).sorted(by: >).map { threshold in
            let kept = own.filter { $0.score >= threshold }
            return (
                threshold, kept.count { $0.overlap != nil }, kept.count { $0.overlap == nil }
            )
        }
    }

    /// The greatest F1 and its highest threshold; nil without a detection.
    func best(_ category: Int64?) -> (threshold: Double, f1: Double)? {
        let objects = category.map { objectCounts[$0] ?? 0 } ?? objectCounts.values.reduce(0, +)
        var best: (threshold: Double, f1: Double)?
        for point in points(category) {
            let f1 =
                Double(2 * point.right) / Double(2 * point.right + point.wrong + objects - point.right)
            if f1 > best?.f1 ?? -1 { best = (point.threshold, f1) }
        }
        return best
    }

    /// The greatest mean F1 of the classes with objects.
    func bestMean() -> (threshold: Double, f1: Double)? {
        let classes = categories.filter { objectCounts[$0] ?? 0 > 0 }
        guard !classes.isEmpty else { return nil }
        var best: (threshold: Double, f1: Double)?
        for threshold in Set(items.map(\.score)).sorted(by: >) {
            var sum = 0.0
            for category in classes {
                let kept = items.filter { $0.category == category && $0.score >= threshold }
                let right = kept.count { $0.overlap != nil }
                sum += Double(2 * right) / Double(kept.count + (objectCounts[category] ?? 0))
            }
            let mean = sum / Double(classes.count)
            if mean > best?.f1 ?? -1 { best = (threshold, mean) }
        }
        return best
    }

    /// D-ECE, the greatest gap of a bin, and LaECE by class.
    func calibration(_ bins: Int) -> (error: Double, gap: Double, localization: [Int64: Double]) {
        func sum(_ items: [Item], _ worth: (Item) -> Double) -> (mean: Double, greatest: Double) {
            var (total, greatest) = (0.0, 0.0)
            for bin in 0..<bins {
                let own = items.filter { min(Int($0.score * Double(bins)), bins - 1) == bin }
                guard !own.isEmpty else { continue }
                let score = own.reduce(0) { $0 + $1.score } / Double(own.count)
                let reached = own.reduce(0) { $0 + worth($1) } / Double(own.count)
                total += Double(own.count) / Double(items.count) * abs(score - reached)
                greatest = max(greatest, abs(score - reached))
            }
            return (total, greatest)
        }
        let all = sum(items) { $0.overlap == nil ? 0 : 1 }
        var localization: [Int64: Double] = [:]
        for category in categories where objectCounts[category] ?? 0 > 0 {
            let own = items.filter { $0.category == category }
            if !own.isEmpty { localization[category] = sum(own) { $0.overlap ?? 0 }.mean }
        }
        return (all.mean, all.greatest, localization)
    }

    /// The LRP error of a class from a score on.
    func error(_ category: Int64, from threshold: Double) -> Double {
        let kept = items.filter { $0.category == category && $0.score >= threshold }
        let right = kept.compactMap(\.overlap)
        let missed = (objectCounts[category] ?? 0) - right.count
        let distance = right.reduce(0) { $0 + (1 - $1) / (1 - iouThreshold) }
        return (distance + Double(kept.count - right.count + missed)) / Double(kept.count + missed)
    }

    /// The least LRP error of a class; 1 where nothing is found.
    func leastError(_ category: Int64) -> Double {
        points(category).filter { $0.right > 0 }.map { error(category, from: $0.threshold) }.min() ?? 1
    }
}

/// Objects and detections paired whatever their classes, written down without regard to speed.
struct SlowConfusion {
    /// By the ids of the object's and the detection's class; -1 stands for the background.
    var counts: [[Int64]: Int] = [:]

    init(_ truth: Dataset, _ table: DetectionTable, _ options: ConfusionMatrix.Options) {
        let annotations = (0..<truth.annotations.count).map { truth.annotations[$0] }
        for image in truth.images.ids {
            let objects = annotations.filter { $0.imageID == image && !$0.isCrowd }
            let rows = (0..<table.count)
                .filter { table.imageIDs[$0] == image && table.scores[$0] >= options.scoreThreshold ?? 0 }
                .sorted { a, b in
                    let (x, y) = (table.scores[a], table.scores[b])
                    return x != y
                        ? x > y : (table.categoryIDs[a], a) < (table.categoryIDs[b], b)
                }.prefix(options.maximumDetections)
            func overlap(_ row: Int, _ object: AnnotationRecord) -> Double {
                object.box.map { table.boxes[row].overlap(with: $0) } ?? 0
            }
            var pairs: [Int: AnnotationRecord] = [:]
            var taken: Set<Int64> = []
            func pair(_ row: Int, _ object: AnnotationRecord) {
                pairs[row] = object
                taken.insert(object.id)
            }
            switch options.matching {
            case .byScore:
                for row in rows {
                    let free = objects.filter {
                        !taken.contains($0.id) && overlap(row, $0) >= options.iouThreshold
                    }
                    // The last one of equal overlaps in the order of classes.
                    let best = free.sorted { ($0.categoryID, $0.id) < ($1.categoryID, $1.id) }
                        .reduce(nil as AnnotationRecord?) { best, object in
                            best.map { overlap(row, object) >= overlap(row, $0) } ?? true ? object : best
                        }
                    if let best { pair(row, best) }
                }
            case .classFirst:
                for wantsSame in [true, false] {
                    while true {
                        var best: (row: Int, object: AnnotationRecord)?
                        for row in rows where pairs[row] == nil {
                            for object in objects
                            where !taken.contains(object.id) && overlap(row, object) > options.iouThreshold
                                && (table.categoryIDs[row] == object.categoryID) == wantsSame
                            {
                                // Of equal overlaps the first object, then the first detection, in the order of classes.
                                func order(_ row: Int, _ object: AnnotationRecord) -> [Double] {
                                    [
                                        -overlap(row, object), Double(object.categoryID), Double(object.id),
                                        Double(table.categoryIDs[row]), -table.scores[row], Double(row),
                                    ]
                                }
                                if best.map({
                                    order(row, object).lexicographicallyPrecedes(order($0.row, $0.object))
                                }) ?? true {
                                    best = (row, object)
                                }
                            }
                        }
                        guard let best else { break }
                        pair(best.row, best.object)
                    }
                }
            }
            for row in rows {
                counts[[pairs[row]?.categoryID ?? -1, table.categoryIDs[row]], default: 0] += 1
            }
            for object in objects where !taken.contains(object.id) {
                counts[[object.categoryID, -1], default: 0] += 1
            }
        }
    }
}
