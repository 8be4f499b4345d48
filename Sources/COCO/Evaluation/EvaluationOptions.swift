/// A range of object areas in square pixels, both ends included.
public struct AreaRange: Sendable, Hashable {
    /// The name: `all`, `small`, `medium`, `large`.
    public var name: String

    /// The least area.
    public var lowerBound: Double

    /// The greatest area.
    public var upperBound: Double

    /// A range of areas in square pixels.
    public init(name: String, lowerBound: Double, upperBound: Double) {
        self.name = name
        self.lowerBound = lowerBound
        self.upperBound = upperBound
    }

    /// The ranges of COCO and LVIS, which share their ends: 0 to 32^2, to 96^2, to 10^10, and all of it.
    public static let standard = [
        AreaRange(name: "all", lowerBound: 0, upperBound: 1e10),
        AreaRange(name: "small", lowerBound: 0, upperBound: 1024),
        AreaRange(name: "medium", lowerBound: 1024, upperBound: 9216),
        AreaRange(name: "large", lowerBound: 9216, upperBound: 1e10),
    ]

    @inline(__always)
    func contains(_ area: Double) -> Bool { !(area < lowerBound || area > upperBound) }
}

/// How detections are scored against ground truth.
public struct EvaluationOptions: Sendable {
    /// What is compared.
    public enum Geometry: String, Sendable, CaseIterable {
        /// Boxes.
        case box = "bbox"
        /// Masks.
        case mask = "segm"
    }

    /// Whose rules apply.
    public enum Rules: Sendable {
        /// COCO: every class in every image; crowds.
        case coco
        /// LVIS: an image counts only for the classes that were annotated in it.
        case lvis
        /// Proposals: classes are ignored.
        case proposals
    }

    /// What is compared.
    public var geometry: Geometry

    /// Whose rules apply.
    public var rules: Rules

    /// The IoU thresholds, at most 16, ascending.
    public var iouThresholds: [Double]

    /// The recalls at which precision is sampled, ascending.
    public var recallThresholds: [Double]

    /// The ranges of areas; the first one covers all objects.
    public var areaRanges: [AreaRange]

    /// How many of the best detections take part, ascending: per image and class by COCO's rules, per image by those of
    /// LVIS (where the last limit counts) and of proposals.
    public var detectionLimits: [Int]

    /// The classes that take part; nil for all.
    public var categoryIDs: [Int64]?

    /// The images that take part; nil for all.
    public var imageIDs: [Int64]?

    /// Whether two faults of pycocotools and lvis are repeated, for comparison with figures that carry them:
    ///
    /// * an object whose id is 0 is matched, but its detection counts as false;
    /// * masks: the area of a detection is that of its box when the first detection of the file has one; boxes
    ///   made from masks: the area is that of the mask.
    public var pycocotoolsCompatible = false

    /// The number of threads, 0 for one per processor. Results do not depend on it.
    public var threadCount = 0

    /// Options; see the properties.
    public init(
        geometry: Geometry, rules: Rules, iouThresholds: [Double] = Self.standardIoUThresholds,
        recallThresholds: [Double] = Self.standardRecallThresholds,
        areaRanges: [AreaRange] = AreaRange.standard,
        detectionLimits: [Int]
    ) {
        self.geometry = geometry
        self.rules = rules
        self.iouThresholds = iouThresholds
        self.recallThresholds = recallThresholds
        self.areaRanges = areaRanges
        self.detectionLimits = detectionLimits
    }

    /// COCO: limits of 1, 10 and 100 detections per image and class.
    public static func coco(_ geometry: Geometry) -> EvaluationOptions {
        EvaluationOptions(geometry: geometry, rules: .coco, detectionLimits: [1, 10, 100])
    }

    /// LVIS v1: at most 300 detections per image over all classes.
    public static func lvis(_ geometry: Geometry) -> EvaluationOptions {
        EvaluationOptions(geometry: geometry, rules: .lvis, detectionLimits: [300])
    }

    /// Recall of proposals at 100, 300 and 1,000 per image, ignoring classes.
    public static func proposals(_ geometry: Geometry) -> EvaluationOptions {
        EvaluationOptions(geometry: geometry, rules: .proposals, detectionLimits: [100, 300, 1000])
    }

    /// 0.5, 0.55, ... 0.95, to the last bit as numpy's `linspace` gives them.
    public static let standardIoUThresholds = evenlySpaced(from: 0.5, to: 0.95, count: 10)

    /// 0, 0.01, ... 1, to the last bit as numpy's `linspace` gives them.
    public static let standardRecallThresholds = evenlySpaced(from: 0, to: 1, count: 101)

    private static func evenlySpaced(from first: Double, to last: Double, count: Int) -> [Double] {
        let step = (last - first) / Double(count - 1)
        var values: [Double] = (0..<count).map { Double($0) * step + first }
        values[count - 1] = last
        return values
    }

    /// Fails when the options contradict themselves.
    func validate() throws {
        func rises(_ values: [some Comparable]) -> Bool {
            zip(values, values.dropFirst()).allSatisfy { $0 < $1 }
        }
        guard (1...16).contains(iouThresholds.count), rises(iouThresholds),
            iouThresholds.allSatisfy({ $0 > 0 })
        else { throw COCOError("1 to 16 rising IoU thresholds above 0 are needed") }
        guard !recallThresholds.isEmpty, rises(recallThresholds), recallThresholds.allSatisfy({ $0 >= 0 })
        else { throw COCOError("rising recall thresholds from 0 on are needed") }
        guard !areaRanges.isEmpty else { throw COCOError("at least one range of areas is needed") }
        guard !detectionLimits.isEmpty, rises(detectionLimits), detectionLimits.allSatisfy({ $0 > 0 })
        else { throw COCOError("rising limits of detections above 0 are needed") }
    }
}
