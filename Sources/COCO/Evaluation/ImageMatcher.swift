import Support

/// Matches the detections of one image at a time. Each thread has its own matcher and reuses its buffers.
struct ImageMatcher {
    let problem: EvaluationProblem
    let areas: [AreaRange]
    /// The IoU thresholds, clamped just below 1 so that equal boxes match in spite of rounding.
    let thresholds: [Double]
    let limit: Int
    let allThresholds: UInt16
    let takesBoxAreas: Bool
    let takesMaskAreas: Bool

    var arena = MaskArena()
    var truthMasks: [MaskArena.Entry] = []
    var detectionMasks: [MaskArena.Entry] = []
    var detectionAreas: [Double] = []
    var truthBoxes: [BoundingBox] = []
    var isCrowd: [Bool] = []
    var isIgnored: [Bool] = []
    /// Detections by annotations.
    var overlaps: [Double] = []
    var greatestOverlaps: [Double] = []
    /// The annotations, ignored ones last.
    var order: [Int] = []
    /// One bit for every threshold at which an annotation is taken.
    var taken: [UInt16] = []

    init(_ problem: EvaluationProblem) {
        self.problem = problem
        let options = problem.options
        areas = options.areaRanges
        thresholds = options.iouThresholds.map { min($0, 1 - 1e-10) }
        limit = options.rules == .lvis ? .max : options.detectionLimits.last ?? .max
        allThresholds = UInt16(truncatingIfNeeded: (1 << options.iouThresholds.count) - 1)
        let table = problem.detections
        // pycocotools looks only at the first detection of the file.
        let firstHasBox = table.hasBox.first ?? false
        takesBoxAreas =
            options.geometry == .box
            ? !(options.pycocotoolsCompatible && !firstHasBox)
            : options.pycocotoolsCompatible && firstHasBox
        takesMaskAreas = options.geometry == .box && !takesBoxAreas
    }

    mutating func match(
        image: Int, outcomes: UnsafeMutablePointer<MatchTable.Outcome>, ranks: UnsafeMutablePointer<Int32>
    ) throws {
        var detection = problem.detectionStarts[image]
        let detectionEnd = problem.detectionStarts[image + 1]
        guard detection < detectionEnd else { return }
        var truth = problem.annotationStarts[image]
        let truthEnd = problem.annotationStarts[image + 1]
        let federation = problem.options.rules == .lvis ? try Federation(problem, image: image) : nil
        arena.removeAll()
        while detection < detectionEnd {
            let category = problem.detectionCategories[detection]
            var nextDetection = detection + 1
            while nextDetection < detectionEnd, problem.detectionCategories[nextDetection] == category {
                nextDetection += 1
            }
            while truth < truthEnd, problem.annotationCategories[truth] < category { truth += 1 }
            var nextTruth = truth
            while nextTruth < truthEnd, problem.annotationCategories[nextTruth] == category { nextTruth += 1 }
            for place in detection..<nextDetection { ranks[place] = Int32(place - detection) }
            try match(
                image: image, detections: detection..<min(nextDetection, detection.addingClamped(limit)),
                truth: truth..<nextTruth, isPartial: federation?.isPartial(category) ?? false,
                outcomes: outcomes, ranks: ranks)
            detection = nextDetection
            truth = nextTruth
        }
    }

    /// Matches the detections of one image and class.
    private mutating func match(
        image: Int, detections: Range<Int>, truth: Range<Int>, isPartial: Bool,
        outcomes: UnsafeMutablePointer<MatchTable.Outcome>, ranks: UnsafeMutablePointer<Int32>
    ) throws {
        try measureDetections(image, detections, needsOverlap: !truth.isEmpty)
        if problem.options.rules == .lvis {
            // As for objects: LVIS's tools apply the limit first, then select areas above 0.
            for (index, place) in detections.enumerated() where !(detectionAreas[index] > 0) {
                ranks[place] = MatchTable.leftOut
            }
        }
        if truth.isEmpty {
            for (index, place) in detections.enumerated() {
                for (area, range) in areas.enumerated() {
                    let counts = range.contains(detectionAreas[index]) && !isPartial
                    outcomes[place * areas.count + area] = MatchTable.Outcome(
                        isTrue: 0, isFalse: counts ? allThresholds : 0)
                }
            }
            return
        }
        try measureTruth(image, truth)
        try measureOverlaps(detections, truth)
        for area in areas.indices {
            matchGreedily(detections, truth, area: area, isPartial: isPartial, outcomes: outcomes)
        }
    }

    /// The reference's assignment: by descending score, each detection takes the free annotation with the largest
    /// overlap, and an ignored one only if there is no other.
    private mutating func matchGreedily(
        _ detections: Range<Int>, _ truth: Range<Int>, area: Int, isPartial: Bool,
        outcomes: UnsafeMutablePointer<MatchTable.Outcome>
    ) {
        let range = areas[area]
        let isLVIS = problem.options.rules == .lvis
        let table = problem.truth.annotations
        let count = truth.count
        order.removeAll(keepingCapacity: true)
        func isOutside(_ index: Int) -> Bool {
            isIgnored[index]
                || !range.contains(problem.truthAreas[Int(problem.annotationRows[truth.lowerBound + index])])
        }
        for index in 0..<count where !isOutside(index) { order.append(index) }
        let counted = order.count
        for index in 0..<count where isOutside(index) { order.append(index) }
        taken.removeAll(keepingCapacity: true)
        taken.append(contentsOf: repeatElement(0, count: count))

        for (index, place) in detections.enumerated() {
            if isLVIS, !(detectionAreas[index] > 0) { continue }
            var isTrue: UInt16 = 0
            var isMatched: UInt16 = 0
            for (bit, threshold) in thresholds.enumerated() {
                // Thresholds ascend, so no later one is reached either.
                guard greatestOverlaps[index] >= threshold else { break }
                let mask: UInt16 = 1 << UInt16(bit)
                var best = threshold
                var match = -1
                for position in 0..<count {
                    let candidate = order[position]
                    if taken[candidate] & mask != 0, !isCrowd[candidate] { continue }
                    if position >= counted, match >= 0, match < counted { break }
                    let overlap = overlaps[index * count + candidate]
                    if overlap < best { continue }
                    best = overlap
                    match = position
                }
                guard match >= 0 else { continue }
                taken[order[match]] |= mask
                if match >= counted {
                    isMatched |= mask
                } else if problem.options.pycocotoolsCompatible,
                    table.ids[Int(problem.annotationRows[truth.lowerBound + order[match]])] == 0
                {
                    // The reference marks a match by its id and reads 0 as no match.
                } else {
                    isMatched |= mask
                    isTrue |= mask
                }
            }
            let countsUnmatched = range.contains(detectionAreas[index]) && !isPartial
            outcomes[place * areas.count + area] = MatchTable.Outcome(
                isTrue: isTrue, isFalse: countsUnmatched ? allThresholds & ~isMatched : 0)
        }
    }
}

extension Int {
    fileprivate func addingClamped(_ other: Int) -> Int {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}

/// The outcome of every detection for every range of areas: one bit per IoU threshold.
///
/// A detection that is neither true nor false does not count.
struct MatchTable: Sendable {
    /// The outcome of a detection in a range of areas.
    struct Outcome: Sendable {
        var isTrue: UInt16 = 0
        var isFalse: UInt16 = 0
    }

    /// Detections by ranges of areas, in the order of the problem's rows.
    var outcomes: [Outcome]

    /// The rank of a detection that the rules drop after the limit was applied.
    static let leftOut = Int32.max

    /// The position of a detection among those of its image and class, starting at 0; ``leftOut`` if it is dropped.
    var ranks: [Int32]

    private let rules: EvaluationOptions.Rules

    /// Whether a detection is within a limit of detections, which LVIS's rules apply earlier.
    @inline(__always)
    func takesPart(_ place: Int, _ limit: Int) -> Bool {
        let rank = ranks[place]
        return rules == .lvis ? rank != Self.leftOut : Int(rank) < limit
    }

    /// Matches all images.
    init(_ problem: EvaluationProblem) throws {
        rules = problem.options.rules
        let areas = problem.options.areaRanges.count
        let count = problem.detectionRows.count
        outcomes = [Outcome](repeating: Outcome(), count: count * areas)
        ranks = [Int32](repeating: 0, count: count)
        try outcomes.withUnsafeMutableBufferPointer { outcomes in
            try ranks.withUnsafeMutableBufferPointer { ranks in
                guard let outcomes = outcomes.baseAddress.map(Parallel.Shared.init),
                    let ranks = ranks.baseAddress.map(Parallel.Shared.init)
                else { return }
                try Parallel.forEach(
                    count: problem.imageRows.count,
                    threads: Parallel.threadCount(problem.options.threadCount),
                    grain: 16, state: { ImageMatcher(problem) }
                ) { matcher, image in
                    try matcher.match(image: image, outcomes: outcomes.base, ranks: ranks.base)
                }
            }
        }
    }
}
