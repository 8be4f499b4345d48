import COCO
import Foundation
import Support

/// The report of `fvlm score`, as text and as JSON.
package struct ScoreReport {
    let evaluation: Evaluation
    let parts: [Evaluation.Part]
    let hasSplits: Bool

    /// How the detections were made; nil where it is not known.
    let protocolName: String?
    var intervals: [Evaluation.Interval] = []
    var differences: [Evaluation.Difference] = []
    var comparedFile: String?

    package init(_ evaluation: Evaluation, splits: [CategorySplit], protocolName: String? = nil) {
        self.evaluation = evaluation
        self.protocolName = protocolName
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

extension ScoreReport {
    /// Text tables.
    ///
    /// - Parameter classes: The number of classes to show, those that lose most first.
    package func table(classes: Int) -> String {
        var text = "\(evaluation.options.geometry.rawValue), \(evaluation.imageCount) images, "
        text += "\(evaluation.categories.count) classes"
        text += (protocolName.map { ", protocol \($0)" } ?? "") + "\n\n"
        text += figureTable()
        if !intervals.isEmpty { text += "\n95 % intervals over images\n" + intervalTable() }
        if let comparedFile {
            text += "\nSecond file: \(comparedFile)\n" + differenceTable()
        }
        let all = classFigures().filter { $0.objects > 0 }
        if classes > 0, !all.isEmpty { text += "\n" + classTable(all, count: classes) }
        return text
    }

    private func figureTable() -> String {
        let figures = parts.map { evaluation.figures(classes: hasSplits ? $0.classes : nil) }
        var rows: [[String]] = []
        if hasSplits {
            rows.append([""] + zip(parts, figures).map { "\($0.0.name) (\($0.0.classes.count))" })
        }
        for (index, figure) in figures[0].enumerated() {
            rows.append([figure.name] + figures.map { Self.percent($0[index].value) })
        }
        return TextTable(rows, leftAligned: 1).text
    }

    private func intervalTable() -> String {
        TextTable(
            intervals.map {
                [
                    "\($0.part) \($0.figure)", Self.percent($0.value ?? -1), Self.percent($0.low), "to",
                    Self.percent($0.high),
                ]
            }, leftAligned: 1
        ).text
    }

    private func differenceTable() -> String {
        TextTable(
            [["", "first", "second", "change", "95 % interval", "p"]]
                + differences.map {
                    let change = ($0.second ?? .nan) - ($0.first ?? .nan)
                    return [
                        "\($0.part) \($0.figure)", Self.percent($0.first ?? -1),
                        Self.percent($0.second ?? -1),
                        Self.signed(change), "\(Self.signed($0.low)) to \(Self.signed($0.high))",
                        Self.fixed($0.pValue, 4),
                    ]
                }, leftAligned: 1
        ).text
    }

    /// Every class has the same weight in AP, so the loss of a class is what it lacks to 100, divided by the number of
    /// classes.
    private func classTable(_ all: [ClassFigures], count: Int) -> String {
        let sorted = all.sorted {
            $0.averagePrecision != $1.averagePrecision
                ? $0.averagePrecision < $1.averagePrecision : $0.category.id < $1.category.id
        }
        var rows = [["class", "id", "AP", "AP50", "AP75", "AR", "objects", "detections", "loses"]]
        for entry in sorted.prefix(count) {
            rows.append([
                entry.category.name, String(entry.category.id), Self.percent(entry.averagePrecision),
                Self.percent(entry.at50), Self.percent(entry.at75), Self.percent(entry.recall),
                String(entry.objects),
                String(entry.detections),
                Self.fixed((1 - entry.averagePrecision) * 100 / Double(all.count), 2),
            ])
        }
        var text = TextTable(rows, leftAligned: 1).text
        if sorted.count > count {
            text += "... and \(sorted.count - count) classes that lose less (--classes)\n"
        }
        return text
    }

    private static func percent(_ value: Double) -> String {
        value < 0 || value.isNaN ? "-" : fixed(value * 100, 2)
    }

    private static func signed(_ value: Double) -> String {
        value.isNaN ? "-" : (value < 0 ? "" : "+") + fixed(value * 100, 2)
    }

    /// A number with a fixed number of decimals.
    private static func fixed(_ value: Double, _ decimals: Int) -> String {
        guard value.isFinite else { return "-" }
        let scale = (0..<decimals).reduce(1.0) { product, _ in product * 10 }
        let scaled = (value.magnitude * scale).rounded()
        let (whole, rest) = Int(scaled).quotientAndRemainder(dividingBy: Int(scale))
        let digits = String(rest)
        return (value < 0 && scaled > 0 ? "-" : "") + "\(whole)."
            + String(repeating: "0", count: decimals - digits.count) + digits
    }
}
