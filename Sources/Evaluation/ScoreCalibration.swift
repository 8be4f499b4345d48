import Analysis
import CLIP
import COCO
import FVLM
import Foundation
import Support

/// What annotated pictures say of a detector's scores: maps that make them the share of right detections, and thresholds. It
/// is kept in `calibration.json` in the detector's folder and used only where it is asked for.
///
/// ```swift
/// let calibration = try ScoreCalibration(contentsOf: "model/calibration.json")
/// try calibration.check(detector)
/// let found = try await detector.detect([image], vocabulary: vocabulary)
/// let sure = calibration.kept(calibration.applied(to: found[0], of: detector, vocabulary), of: detector, vocabulary)
/// ```
public struct ScoreCalibration: Codable, Sendable, Hashable {
    /// What was found for the detections of one kind.
    public struct Group: Codable, Sendable, Hashable {
        /// The map of scores.
        public var map: ScoreMap
        /// Mapped scores at or above this are kept; nil where no threshold meets the criterion.
        public var threshold: Double?
        /// The share of right detections at the threshold.
        public var precision: Double?
        /// The share of objects found at the threshold.
        public var recall: Double?
        /// The number of detections that the map was fitted to.
        public var detections: Int
        /// The number of objects.
        public var objects: Int
    }

    private var format = Self.format
    private var version = 1

    /// A digest of the detector's trained weights.
    public var detector: String

    /// The identity of its CLIP.
    public var clip: String

    /// The scoring options that the detections were made with, and that belong to the maps.
    public var scoring: ScoringOptions

    /// How maps were fitted.
    public var method: ScoreMap.Method

    /// What thresholds were chosen for, in words.
    public var criterion: String

    /// The IoU at which a detection found its object, by COCO's greedy rule.
    public var iouThreshold: Double

    /// The maps of all classes that were trained on (`base`), of all others (`novel`), or of `all` if they are not told
    /// apart.
    public var groups: [String: Group]

    /// The maps of single classes, by `ClassNames.form(_:)` of their names.
    public var classes: [String: Group]

    private static let format = "fvlm-calibration"

    /// The name of the file in a detector's folder.
    public static let fileName = "calibration.json"

    /// Creates a calibration from its parts.
    public init(
        detector: String, clip: String, scoring: ScoringOptions, method: ScoreMap.Method, criterion: String,
        iouThreshold: Double, groups: [String: Group], classes: [String: Group]
    ) {
        self.detector = detector
        self.clip = clip
        self.scoring = scoring
        self.method = method
        self.criterion = criterion
        self.iouThreshold = iouThreshold
        self.groups = groups
        self.classes = classes
    }

    /// Reads a file written by ``write(to:)``.
    /// - Throws: ``EvaluationError`` with the path.
    public init(contentsOf path: String) throws {
        guard FileStatus(path) != nil else {
            throw EvaluationError(path, "does not exist; make it with fvlm calibrate")
        }
        let bytes = try FileBytes(contentsOf: path, access: .read).array
        guard let read = try? JSONDecoder().decode(Self.self, from: Data(bytes)), read.format == Self.format,
            read.version == 1
        else { throw EvaluationError(path, "is not a calibration; make one with fvlm calibrate") }
        self = read
    }

    /// Writes a JSON file.
    /// - Throws: `FileFailure`.
    public func write(to path: String) throws {
        try AtomicFile.write(JSONText.document(self) + "\n", to: path)
    }

    /// Refuses a detector other than the one that was calibrated.
    /// - Throws: ``EvaluationError``.
    public func check(_ detector: Detector) throws {
        let (weights, clip) = (try detector.network.store.digest(), detector.identity.description)
        guard weights == self.detector, clip == self.clip else {
            throw EvaluationError(
                "calibration",
                "belongs to the detector \(self.detector) with the CLIP \(self.clip), not to \(weights) with \(clip): run "
                    + "fvlm calibrate for this one")
        }
    }

    /// What applies to a class: its own map, or that of its group.
    /// - Parameters:
    ///   - name: The class's name.
    ///   - isBase: Whether the class was trained on; nil if that is not known, which counts as novel.
    public func group(of name: String, isBase: Bool?) -> Group? {
        classes[ClassNames.form(name)] ?? groups[isBase == true ? "base" : "novel"] ?? groups["all"]
            ?? groups["base"]
    }

    /// Detections with mapped scores, best first.
    /// - Parameters:
    ///   - detections: The detections, with scores as they were found.
    ///   - detector: The detector that found them.
    ///   - vocabulary: The vocabulary that they were found with.
    public func applied(to detections: [FVLM.Detection], of detector: Detector, _ vocabulary: Vocabulary)
        -> [FVLM.Detection]
    {
        let groups = groups(of: vocabulary, detector)
        let mapped = detections.map { detection -> FVLM.Detection in
            guard let map = groups[detection.classIndex]?.map else { return detection }
            return detection.rescored(Float(map(Double(detection.score))))
        }
        return mapped.enumerated().sorted {
            $0.element.score != $1.element.score
                ? $0.element.score > $1.element.score : $0.offset < $1.offset
        }.map(\.element)
    }

    /// The detections, with mapped scores, that reach their thresholds; of kinds without a threshold all.
    public func kept(_ detections: [FVLM.Detection], of detector: Detector, _ vocabulary: Vocabulary)
        -> [FVLM.Detection]
    {
        let groups = groups(of: vocabulary, detector)
        return detections.filter { detection in
            guard let threshold = groups[detection.classIndex]?.threshold else { return true }
            return detection.score >= Float(threshold)
        }
    }

    private func groups(of vocabulary: Vocabulary, _ detector: Detector) -> [Group?] {
        let isBase = detector.isBase(vocabulary)
        return vocabulary.names.enumerated().map { group(of: $1, isBase: isBase?[$0]) }
    }
}
