extension Evaluation {
    /// A figure, named as in the reference.
    public struct Figure: Sendable, Hashable {
        /// The name: `AP50`, `ARs@300`.
        public var name: String

        /// The value; -1 if there are no objects to find.
        public var value: Double

        init(_ name: String, _ value: Double?) {
            self.name = name
            self.value = value ?? -1
        }
    }

    /// Average precision: the mean over IoU thresholds, recall thresholds and classes that have objects.
    ///
    /// - Parameters:
    ///   - iouThreshold: Restricts the mean to this threshold; nil uses all.
    ///   - area: The index of the range of areas.
    ///   - limit: The index of the limit of detections; nil uses the largest.
    ///   - classes: The indices of the classes; nil uses all.
    /// - Returns: nil if no class has objects or the threshold is not among the options'.
    public func averagePrecision(
        iouThreshold: Double? = nil, area: Int = 0, limit: Int? = nil, classes: [Int]? = nil
    ) -> Double? {
        mean(precisions, width: options.recallThresholds.count, iouThreshold, area, limit, classes)
    }

    /// Average recall: the mean over IoU thresholds and classes that have objects; see
    /// ``averagePrecision(iouThreshold:area:limit:classes:)`` for the parameters.
    public func averageRecall(
        iouThreshold: Double? = nil, area: Int = 0, limit: Int? = nil, classes: [Int]? = nil
    ) -> Double? {
        mean(recalls, width: 1, iouThreshold, area, limit, classes)
    }

    private func mean(
        _ values: [Double], width: Int, _ iouThreshold: Double?, _ area: Int, _ limit: Int?, _ classes: [Int]?
    ) -> Double? {
        let thresholds = options.iouThresholds
        guard options.areaRanges.indices.contains(area) else { return nil }
        var selected = thresholds.indices
        if let iouThreshold {
            guard let index = thresholds.firstIndex(where: { abs($0 - iouThreshold) < 1e-9 }) else {
                return nil
            }
            selected = index..<index + 1
        }
        let limits = options.detectionLimits.count
        let limit = limit ?? limits - 1
        guard (0..<limits).contains(limit) else { return nil }
        var sum = 0.0
        var count = 0
        for category in classes ?? Array(0..<classCount)
        where objectCounts[category * options.areaRanges.count + area] > 0 {
            let cell = ((category * options.areaRanges.count + area) * limits + limit) * thresholds.count
            let range = (cell + selected.lowerBound) * width..<(cell + selected.upperBound) * width
            var part = 0.0
            for index in range { part += values[index] }
            sum += part
            count += range.count
        }
        return count == 0 ? nil : sum / Double(count)
    }

    /// The figures of the reference, in its order: COCO's twelve, LVIS's thirteen, or the recalls of proposals.
    ///
    /// - Parameter classes: The indices of the classes; nil uses all.
    public func figures(classes: [Int]? = nil) -> [Figure] {
        func precision(_ name: String, iou: Double? = nil, area: String = "all") -> Figure {
            Figure(
                name,
                areaIndex(area).flatMap { averagePrecision(iouThreshold: iou, area: $0, classes: classes) })
        }
        func recall(_ name: String, area: String = "all", limit: Int? = nil) -> Figure {
            Figure(name, areaIndex(area).flatMap { averageRecall(area: $0, limit: limit, classes: classes) })
        }
        let overall = [
            precision("AP"), precision("AP50", iou: 0.5), precision("AP75", iou: 0.75),
            precision("APs", area: "small"), precision("APm", area: "medium"),
            precision("APl", area: "large"),
        ]
        let limits = options.detectionLimits
        switch options.rules {
        case .coco:
            return overall + limits.indices.map { recall("AR\(limits[$0])", limit: $0) } + [
                recall("ARs", area: "small"), recall("ARm", area: "medium"), recall("ARl", area: "large"),
            ]
        case .lvis:
            let suffix = limits.last.map { "@\($0)" } ?? ""
            return overall
                + Category.Frequency.allCases.map { frequency in
                    let members = (classes ?? Array(0..<classCount)).filter {
                        categories[$0].frequency == frequency
                    }
                    return Figure("AP\(frequency.rawValue)", averagePrecision(classes: members))
                } + [
                    recall("AR\(suffix)"), recall("ARs\(suffix)", area: "small"),
                    recall("ARm\(suffix)", area: "medium"), recall("ARl\(suffix)", area: "large"),
                ]
        case .proposals:
            return limits.indices.flatMap { limit in
                [("", "all"), ("s", "small"), ("m", "medium"), ("l", "large")].map { letter, area in
                    recall("AR\(letter)@\(limits[limit])", area: area, limit: limit)
                }
            }
        }
    }

    private func areaIndex(_ name: String) -> Int? { options.areaRanges.firstIndex { $0.name == name } }

    /// Precision against recall of a class, at the largest limit of detections and over all areas.
    ///
    /// - Parameters:
    ///   - category: The index of the class.
    ///   - iouThreshold: The index of the IoU threshold.
    /// - Returns: One value per recall threshold; -1 if the class has no objects.
    package func precisionCurve(category: Int, iouThreshold: Int) -> ArraySlice<Double> {
        let limits = options.detectionLimits.count
        let cell =
            ((category * options.areaRanges.count) * limits + limits - 1) * options.iouThresholds.count
            + iouThreshold
        let width = options.recallThresholds.count
        return precisions[cell * width..<(cell + 1) * width]
    }
}
