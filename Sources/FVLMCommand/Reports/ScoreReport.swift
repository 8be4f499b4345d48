import COCO
import Foundation

/// The report of `fvlm score`, as text and as JSON.
package struct ScoreReport {
    let evaluation: Evaluation
    let parts: [Evaluation.Part]
    let hasSplits: Bool
    var intervals: [Evaluation.Interval] = []
    var differences: [Evaluation.Difference] = []
    var comparedFile: String?

    package init(_ evaluation: Evaluation, splits: [CategorySplit]) {
        self.evaluation = evaluation
        parts = evaluation.parts(splits)
        hasSplits = !splits.isEmpty
    }

    /// The figures of one class.
    struct ClassFigures {
        let category: COCO.Category
        let averagePrecision: Double
        let at50: Double
        let at75: Double
        let small: Double
        let medium: Double
        let large: Double
        let recall: Double
        let objects: Int
        let detections: Int
    }

    /// The figures of every class; empty if classes are ignored.
    func classFigures() -> [ClassFigures] {
        guard evaluation.options.rules != .proposals else { return [] }
        let areas = evaluation.options.areaRanges
        func area(_ name: String, _ index: Int) -> Double {
            areas.firstIndex { $0.name == name }
                .flatMap { evaluation.averagePrecision(area: $0, classes: [index]) } ?? -1
        }
        return evaluation.categories.enumerated().map { index, category in
            ClassFigures(
                category: category, averagePrecision: evaluation.averagePrecision(classes: [index]) ?? -1,
                at50: evaluation.averagePrecision(iouThreshold: 0.5, classes: [index]) ?? -1,
                at75: evaluation.averagePrecision(iouThreshold: 0.75, classes: [index]) ?? -1,
                small: area("small", index), medium: area("medium", index), large: area("large", index),
                recall: evaluation.averageRecall(classes: [index]) ?? -1,
                objects: evaluation.objectCounts[index * areas.count],
                detections: evaluation.detectionCounts[index])
        }
    }

    /// Notes that accompany the figures.
    package var notices: [String] { evaluation.omissions.notices }
}
