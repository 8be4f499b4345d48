import COCO
import Support

/// Matches detections and names their errors; see ``ErrorAnalysis``.
struct ErrorFinder {
    let overlaps: Overlaps
    let thresholds: ErrorAnalysis.Thresholds
    let limit: Int

    var outcomes: [ErrorAnalysis.Outcome]
    var kinds: [ErrorAnalysis.Kind?]
    /// The annotation that was found, or that a classification or localization error points at; -1 for none.
    var targets: [Int32]
    /// Whether an error is the best one that points at an object which nothing found: repaired, it finds it.
    var isRepairable: [Bool]
    /// Whether an annotation was found.
    var isFound: [Bool]
    var missed: [Int] = []

    init(_ overlaps: Overlaps, _ thresholds: ErrorAnalysis.Thresholds, _ limit: Int) {
        self.overlaps = overlaps
        self.thresholds = thresholds
        self.limit = limit
        outcomes = Array(repeating: .dropped, count: overlaps.detectionCount)
        kinds = Array(repeating: nil, count: overlaps.detectionCount)
        targets = Array(repeating: -1, count: overlaps.detectionCount)
        isRepairable = Array(repeating: false, count: overlaps.detectionCount)
        isFound = Array(repeating: false, count: overlaps.problem.annotationRows.count)
    }

    var counts: [ErrorAnalysis.Kind: Int] {
        var counts = Dictionary(uniqueKeysWithValues: ErrorAnalysis.Kind.allCases.map { ($0, 0) })
        for kind in kinds { if let kind { counts[kind, default: 0] += 1 } }
        counts[.missed] = missed.count
        return counts
    }

    mutating func findAll() {
        // Indexed by place; reset image by image.
        var isTargeted = [Bool](repeating: false, count: isFound.count)
        for image in 0..<overlaps.imageCount {
            let ranked = overlaps.ranked(image: image).prefix(limit).lazy.map { Int($0) }
            let federation = overlaps.federation(image: image)
            for place in ranked { match(place) }
            for place in ranked where outcomes[place] != .truePositive {
                if federation?.isPartial(Int32(overlaps.category(ofDetection: place))) == true {
                    outcomes[place] = .ignored
                    continue
                }
                let (kind, target) = classify(place)
                kinds[place] = kind
                guard let target else { continue }
                targets[place] = target
                // Ranked by score, so the first that points at an object is the best.
                isRepairable[place] = !isFound[Int(target)] && !isTargeted[Int(target)]
                isTargeted[Int(target)] = true
            }
            for truth in overlaps.truths(image: image)
            where !isFound[truth] && !isTargeted[truth] && !overlaps.isCrowd(truth) { missed.append(truth) }
        }
    }

    /// The free object of the same class with the greatest overlap, if that is enough.
    private mutating func match(_ place: Int) {
        let category = overlaps.category(ofDetection: place)
        var best: Overlaps.Pair?
        var isInCrowd = false
        for pair in overlaps.pairs(place) where overlaps.category(ofTruth: Int(pair.truth)) == category {
            if pair.isCrowd {
                isInCrowd = isInCrowd || pair.overlap > thresholds.foreground
            } else if pair.overlap >= thresholds.foreground, !isFound[Int(pair.truth)],
                pair.overlap > best?.overlap ?? 0
            {
                best = pair
            }
        }
        if let best {
            outcomes[place] = .truePositive
            isFound[Int(best.truth)] = true
            targets[place] = best.truth
        } else {
            outcomes[place] = isInCrowd ? .ignored : .falsePositive
        }
    }

    /// The first kind that applies, and the object that the detection was meant for.
    private func classify(_ place: Int) -> (ErrorAnalysis.Kind, target: Int32?) {
        let category = overlaps.category(ofDetection: place)
        var same: Overlaps.Pair?
        var other: Overlaps.Pair?
        let rows = overlaps.problem.annotationRows
        for pair in overlaps.pairs(place) where !pair.isCrowd {
            func isBetter(than best: Overlaps.Pair?) -> Bool {
                guard let best else { return true }
                return pair.overlap > best.overlap
                    || pair.overlap == best.overlap && rows[Int(pair.truth)] < rows[Int(best.truth)]
            }
            if overlaps.category(ofTruth: Int(pair.truth)) == category {
                if isBetter(than: same) { same = pair }
            } else if isBetter(than: other) {
                other = pair
            }
        }
        if let same, same.overlap >= thresholds.background, same.overlap <= thresholds.foreground {
            return (.localization, same.truth)
        }
        if let other, other.overlap >= thresholds.foreground { return (.classification, other.truth) }
        // Free objects of the class above the threshold would have been found: this one is taken.
        if let same, same.overlap >= thresholds.foreground { return (.duplicate, nil) }
        let greatest = max(same?.overlap ?? 0, other?.overlap ?? 0)
        return (greatest <= thresholds.background ? .background : .both, nil)
    }
}

/// The detections that take part, by falling score, with what each repair makes of them.
struct RankedErrors {
    /// What a detection is to the curves of precision.
    private struct Decision {
        /// The index of its class.
        var category: Int32
        /// The index of the class in which it counts once its error is repaired.
        var repairedCategory: Int32
        /// Its kind of error.
        var kind: ErrorAnalysis.Kind?
        var outcome: ErrorAnalysis.Outcome
        var isRepairable: Bool
    }

    private let decisions: [Decision]
    private let errors: ErrorFinder

    init(_ errors: ErrorFinder) {
        self.errors = errors
        let overlaps = errors.overlaps
        var places: [Int32] = []
        var scores: [Double] = []
        for place in errors.outcomes.indices where errors.outcomes[place] != .dropped {
            places.append(Int32(place))
            scores.append(overlaps.score(place))
        }
        decisions = Self.fallingOrder(scores).map { index in
            let place = Int(places[Int(index)])
            let category = Int32(overlaps.category(ofDetection: place))
            let kind = errors.kinds[place]
            return Decision(
                category: category,
                repairedCategory: kind == .classification
                    ? Int32(overlaps.category(ofTruth: Int(errors.targets[place]))) : category,
                kind: kind, outcome: errors.outcomes[place], isRepairable: errors.isRepairable[place])
        }
    }

    /// AP of every class after each repair; nil for classes that then have neither objects nor detections.
    func averagePrecisions(objects: [Int]) throws -> [Repair: [Double?]] {
        let repairs = Repair.all
        var results = [[Double?]](repeating: [], count: repairs.count)
        try Parallel.fill(
            &results, threads: Parallel.threadCount(errors.overlaps.threadCount), grain: 1, state: {}
        ) { _, index in averagePrecisions(after: repairs[index], objects: objects) }
        return Dictionary(uniqueKeysWithValues: zip(repairs, results))
    }

    private func averagePrecisions(after repair: Repair, objects: [Int]) -> [Double?] {
        var repaired: ErrorAnalysis.Kind?
        if case .kind(let kind) = repair { repaired = kind }
        // By class, the number of decisions so far, and that at each object found.
        var counts = [Int32](repeating: 0, count: objects.count)
        var found = [[Int32]](repeating: [], count: objects.count)
        for decision in decisions {
            if decision.outcome == .truePositive {
                let category = Int(decision.category)
                counts[category] += 1
                found[category].append(counts[category])
            } else if decision.kind != nil, decision.kind == repaired {
                guard decision.isRepairable else { continue }
                let category = Int(decision.repairedCategory)
                counts[category] += 1
                found[category].append(counts[category])
            } else if decision.outcome == .falsePositive {
                counts[Int(decision.category)] += 1
            }
        }
        var remaining = objects
        let overlaps = errors.overlaps
        switch repair {
        case .falsePositives:
            for category in found.indices {
                for index in found[category].indices { found[category][index] = Int32(index + 1) }
            }
        case .falseNegatives:
            for truth in errors.isFound.indices where !errors.isFound[truth] && !overlaps.isCrowd(truth) {
                remaining[overlaps.category(ofTruth: truth)] -= 1
            }
        case .kind(.missed):
            for truth in errors.missed { remaining[overlaps.category(ofTruth: truth)] -= 1 }
        case .none, .kind: break
        }
        return objects.indices.map { category in
            counts[category] == 0 && remaining[category] == 0
                ? nil : Self.averagePrecision(found[category], objects: remaining[category])
        }
    }

    /// The 101-point AP in percent.
    /// - Parameter found: For each object found the number of detections up to it, rising.
    private static func averagePrecision(_ found: [Int32], objects: Int) -> Double {
        guard objects > 0 else { return 0 }
        // Between two objects that are found precision only falls, so the best to the right is at one of them.
        var precisions = found.enumerated().map { Double($0.offset + 1) / Double($0.element) }
        for index in precisions.indices.dropFirst().reversed() {
            precisions[index - 1] = max(precisions[index - 1], precisions[index])
        }
        var (sum, index) = (0.0, 0)
        for step in 0...100 {
            // The recall points are k / 100, correctly rounded; numpy's linspace differs in the last bit of some.
            while index < precisions.count, Double(index + 1) / Double(objects) < Double(step) / 100 {
                index += 1
            }
            guard index < precisions.count else { break }
            sum += precisions[index]
        }
        return sum / 101 * 100
    }

    /// The indices of scores in falling order, equal ones in rising order.
    private static func fallingOrder(_ scores: [Double]) -> [Int32] {
        // By counting, sixteen bits at a time from the least significant: each pass keeps the order of equal digits.
        var keys = scores.map { score -> UInt64 in
            // -0 equals 0.
            let bits = (score + 0).bitPattern
            return bits >> 63 == 0 ? ~bits & (UInt64.max >> 1) : bits
        }
        var order = [Int32](0..<Int32(scores.count))
        var (otherKeys, otherOrder) = (keys, order)
        for shift in stride(from: UInt64(0), to: 64, by: 16) {
            var starts = [Int](repeating: 0, count: 1 << 16)
            for key in keys { starts[Int(key >> shift & 0xFFFF)] += 1 }
            if starts.contains(keys.count) { continue }
            var sum = 0
            for digit in starts.indices { (starts[digit], sum) = (sum, sum + starts[digit]) }
            for index in keys.indices {
                let digit = Int(keys[index] >> shift & 0xFFFF)
                otherKeys[starts[digit]] = keys[index]
                otherOrder[starts[digit]] = order[index]
                starts[digit] += 1
            }
            swap(&keys, &otherKeys)
            swap(&order, &otherOrder)
        }
        return order
    }
}
