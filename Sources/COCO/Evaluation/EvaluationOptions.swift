/// A range of object areas in square pixels, including both ends.
public struct AreaRange: Sendable, Hashable {
    /// The name: `all`, `small`, `medium`, `large`.
    public var name: String

    /// The smallest area.
    public var lowerBound: Double

    /// The largest area.
    public var upperBound: Double

    /// Creates a range of areas in square pixels.
    public init(name: String, lowerBound: Double, upperBound: Double) {
        self.name = name
        self.lowerBound = lowerBound
        self.upperBound = upperBound
    }

    /// The ranges of COCO and LVIS, which share their ends: 0 to 32^2, to 96^2, to 10^10, and the whole range.
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
    /// The geometry to compare.
    public enum Geometry: String, Sendable, CaseIterable {
        /// Boxes.
        case box = "bbox"
        /// Masks.
        case mask = "segm"
    }

    /// The rules of evaluation.
    public enum Rules: Sendable {
        /// COCO: every class in every image; crowds.
        case coco
        /// LVIS: an image counts only for the classes annotated in it.
        case lvis
        /// Proposals: classes are ignored.
        case proposals
    }

    /// The geometry to compare.
    public var geometry: Geometry

    /// The rules of evaluation.
    public var rules: Rules

    /// The IoU thresholds, at most 16, ascending.
    public var iouThresholds: [Double]

    /// The recalls at which precision is sampled, ascending.
    public var recallThresholds: [Double]

    /// The ranges of areas; the first one covers all objects.
    public var areaRanges: [AreaRange]

    /// The numbers of best detections to score, ascending: per image and class by COCO's rules, per image by LVIS's
    /// rules (where the last limit counts) and for proposals.
    public var detectionLimits: [Int]

    /// The classes to score; nil for all.
    public var categoryIDs: [Int64]?

    /// The images to score; nil for all.
    public var imageIDs: [Int64]?

    /// Whether to reproduce two faults of pycocotools and lvis, for comparison with figures affected by them:
    ///
    /// * an object whose id is 0 is matched, but its detection counts as false;
    /// * masks: the area of a detection is that of its box if the first detection of the file has one; boxes computed
    ///   from masks: the area is that of the mask.
    public var pycocotoolsCompatible = false

    /// The number of threads, 0 for one per processor. Results do not depend on it.
    public var threadCount = 0

    /// Creates options.
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

    /// 0.5, 0.55, ... 0.95, bit-identical to numpy's `linspace`.
    public static let standardIoUThresholds = evenlySpaced(from: 0.5, to: 0.95, count: 10)

    /// 0, 0.01, ... 1, bit-identical to numpy's `linspace`.
    public static let standardRecallThresholds = evenlySpaced(from: 0, to: 1, count: 101)

    private static func evenlySpaced(from first: Double, to last: Double, count: Int) -> [Double] {
        let step = (last - first) / Double(count - 1)
        var values: [Double] = (0..<count).map { Double($0) * step + first }
        values[count - 1] = last
        return values
    }

    /// Throws if the options are inconsistent.
    func validate() throws {
        func rises(_ values: [some Comparable]) -> Bool {
            zip(values, values.dropFirst()).allSatisfy { $0 < $1 }
        }
        guard (1...16).contains(iouThresholds.count), rises(iouThresholds),
            iouThresholds.allSatisfy({ $0 > 0 })
        else { throw COCOError("the IoU thresholds must be 1 to 16 ascending values above 0") }
        guard !recallThresholds.isEmpty, rises(recallThresholds), recallThresholds.allSatisfy({ $0 >= 0 })
        else { throw COCOError("the recall thresholds must be ascending values from 0") }
        guard !areaRanges.isEmpty else { throw COCOError("at least one range of areas is needed") }
        guard !detectionLimits.isEmpty, rises(detectionLimits), detectionLimits.allSatisfy({ $0 > 0 })
        else { throw COCOError("the limits of detections must be ascending values above 0") }
    }
}
