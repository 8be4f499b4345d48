import COCO

/// An annotation, or the lack of one, that a confident detection contradicts: worth a look by a person.
public struct LabelSuspect: Sendable, Hashable {
    /// What may be wrong.
    public enum Kind: String, Sendable, CaseIterable {
        /// A confident detection where nothing is annotated.
        case missingObject = "missing object"
        /// A confident detection of another class on an annotated object.
        case wrongClass = "wrong class"
        /// A confident detection of the right class whose box or mask differs much from the annotated one.
        case looseOutline = "loose outline"
    }

    /// What may be wrong.
    public var kind: Kind

    /// The id of the image.
    public var imageID: Int64

    /// The row of the detection in its file.
    public var detection: Int

    /// The id of the class that was detected.
    public var categoryID: Int64

    /// The score of the detection.
    public var score: Double

    /// The id of the annotation in question; nil for a missing object.
    public var annotationID: Int64?

    /// The suspects among the errors of detections, most confident first.
    ///
    /// - Parameters:
    ///   - errors: The errors.
    ///   - overlaps: The overlaps that the errors were found in.
    ///   - scoreThreshold: The least score.
    public static func all(in errors: ErrorAnalysis, _ overlaps: Overlaps, scoreThreshold: Double)
        -> [LabelSuspect]
    {
        let problem = overlaps.problem
        let table = problem.detections
        var suspects: [LabelSuspect] = []
        for row in problem.detectionRows.lazy.map(Int.init)
        where errors.outcomes[row] == .falsePositive && table.scores[row] >= scoreThreshold {
            let kind: Kind
            switch errors.kinds[row] {
            case .background: kind = .missingObject
            case .classification: kind = .wrongClass
            case .localization: kind = .looseOutline
            default: continue
            }
            suspects.append(
                LabelSuspect(
                    kind: kind, imageID: table.imageIDs[row], detection: row,
                    categoryID: table.categoryIDs[row],
                    score: table.scores[row],
                    annotationID: errors.annotationRows[row].map { problem.truth.annotations.ids[$0] }))
        }
        return suspects.sorted { a, b in a.score != b.score ? a.score > b.score : a.detection < b.detection }
    }
}
