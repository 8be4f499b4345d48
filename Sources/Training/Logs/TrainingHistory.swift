import Evaluation
import Foundation
import Support
import WeightFiles

/// The contents of a training's report: values by step, and the last evaluation.
struct TrainingHistory: Sendable {
    /// A value at several steps.
    struct Series: Sendable, Hashable {
        /// The name.
        var name: String
        /// The steps, ascending.
        var steps: [Int] = []
        /// The value at each step.
        var values: [Double] = []
    }

    /// The loss, then its terms.
    private(set) var losses: [Series] = []

    /// The metrics of evaluations.
    private(set) var metrics: [Series] = []

    /// The learning rate.
    private(set) var learningRate = Series(name: "learning rate")

    /// The last evaluation.
    private(set) var evaluation: (step: Int, report: EvaluationReport)?

    /// The number of steps made and in total.
    private(set) var steps = (made: 0, total: 0)

    /// Creates an empty history.
    init() {}

    /// Creates a history from a `metrics.jsonl`; classes, curves and pictures follow with the next evaluation.
    /// - Throws: ``TrainingError`` if a line is not such an object.
    init(contentsOf path: String) throws {
        let file: FileBytes
        do { file = try FileBytes(contentsOf: path) } catch { throw TrainingError(error) }
        for (number, line) in file.array.split(separator: 0x0A).enumerated() {
            guard let value = try? [UInt8](line).withUnsafeBytes({ try JSONValue(parsing: $0) }),
                case .object(let fields) = value, case .string(let event)? = fields["event"],
                case .integer(let step)? = fields["step"]
            else { throw TrainingError("\(path):\(number + 1)", "is not an object with 'event' and 'step'") }
            switch event {
            case "progress":
                let loss = fields["loss"]?.number ?? .nan
                add([NamedValue("loss", loss)] + Self.values(fields["losses"]), step, to: \.losses)
                Self.add(fields["learning_rate"]?.number ?? .nan, step, to: &learningRate)
            case "evaluation": add(Self.values(fields["metrics"]), step, to: \.metrics)
            case "started": if let total = fields["total_steps"]?.number { steps.total = Int(total) }
            default: break
            }
            steps.made = max(steps.made, step)
        }
    }

    private static func values(_ value: JSONValue?) -> [NamedValue] {
        guard case .object(let fields)? = value else { return [] }
        return fields.sorted { $0.key < $1.key }.map { NamedValue($0.key, $0.value.number ?? .nan) }
    }

    /// Adds an event.
    mutating func add(_ event: TrainingEvent) {
        switch event {
        case .started(let start): steps = (start.step, start.totalSteps)
        case .progress(let progress):
            add([NamedValue("loss", progress.loss)] + progress.losses, progress.step, to: \.losses)
            Self.add(progress.learningRate, progress.step, to: &learningRate)
            steps.made = progress.step
        case .evaluated(let step, let report):
            add(report.metrics, step, to: \.metrics)
            evaluation = (step, report)
        case .finished(let summary): steps.made = summary.step
        default: break
        }
    }

    private mutating func add(
        _ values: [NamedValue], _ step: Int, to path: WritableKeyPath<TrainingHistory, [Series]>
    ) {
        for value in values {
            var place = self[keyPath: path].firstIndex { $0.name == value.name }
            if place == nil {
                self[keyPath: path].append(Series(name: value.name))
                place = self[keyPath: path].count - 1
            }
            if let place { Self.add(value.value, step, to: &self[keyPath: path][place]) }
        }
    }

    private static func add(_ value: Double, _ step: Int, to series: inout Series) {
        guard value.isFinite else { return }
        series.steps.append(step)
        series.values.append(value)
    }
}

extension JSONValue {
    fileprivate var number: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .real(let value): value
        default: nil
        }
    }
}

extension TrainingHistory {
    /// A self-contained page: curves of losses and metrics, precision over recall, the table by class, pictures of
    /// predictions next to ground truth.
    func report(title: String, pictures: [EvaluationReport.Picture]? = nil) -> String {
        let title = Markup.escaped(title.displayedPath)
        let pictures = pictures ?? evaluation?.report.pictures ?? []
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><title>\(title)</title>
            <meta name="viewport" content="width=device-width, initial-scale=1"><style>\(Self.style)</style></head>
            <body><h1>\(title)</h1>
            <p>\(steps.made) of \(steps.total) steps.</p>
            \(section("Losses", [lossChart, learningRateChart]))
            \(section("Evaluation", [figureTable, metricChart]))
            \(section("Precision and recall", [curveChart]))
            \(section("Classes", [classTable]))
            \(section("Predictions", pictures.map(Self.figure), wrapper: "grid"))
            </body></html>

            """
    }

    private static let style = """
        body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem;color:#222;background:#fff}
        .charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(26rem,1fr));gap:1rem}
        .grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(20rem,1fr));gap:1rem}
        svg,img{max-width:100%;height:auto}figure{margin:0}
        table{border-collapse:collapse}td,th{padding:.15rem .8rem;border-bottom:1px solid #ddd;text-align:right}
        td:first-child,th:first-child{text-align:left}
        """

    private func section(_ title: String, _ parts: [String], wrapper: String = "charts") -> String {
        let parts = parts.filter { !$0.isEmpty }
        guard !parts.isEmpty else { return "" }
        return "<h2>\(title)</h2><div class=\"\(wrapper)\">\(parts.joined(separator: "\n"))</div>"
    }

    private static func lines(_ series: [Series]) -> [LineChart.Line] {
        series.map {
            LineChart.Line(
                label: $0.name, points: zip($0.steps, $0.values).map { (x: Double($0), y: $1) })
        }
    }

    /// A chart's element; empty for a chart without points.
    private static func element(_ chart: LineChart) -> String { chart.isEmpty ? "" : chart.element }

    private var lossChart: String {
        Self.element(LineChart(title: "Loss and its terms", xLabel: "step", lines: Self.lines(losses)))
    }

    private var learningRateChart: String {
        Self.element(
            LineChart(title: "Learning rate", xLabel: "step", lines: Self.lines([learningRate])))
    }

    private var metricChart: String {
        guard metrics.contains(where: { $0.steps.count > 1 }) else { return "" }
        return Self.element(
            LineChart(title: "Figures by step", xLabel: "step", lines: Self.lines(metrics)))
    }

    private var curveChart: String {
        let curves = evaluation?.report.curves ?? []
        return Self.element(
            LineChart(
                title: "Precision over recall", xLabel: "recall", yLabel: "precision",
                lines: curves.map { curve in
                    LineChart.Line(
                        label: curve.name,
                        points: zip(curve.recall, curve.precision).map { (x: $0, y: $1) })
                },
                xLimits: 0...1, yLimits: 0...1))
    }

    private var figureTable: String {
        guard let evaluation else { return "" }
        let rows = evaluation.report.metrics.map { [$0.name, Self.figure($0.value)] }
        return Self.table(["At step \(evaluation.step)", "value"], rows)
    }

    private var classTable: String {
        guard let classes = evaluation?.report.classes, let first = classes.first else { return "" }
        let hasGroups = classes.contains { !$0.group.isEmpty }
        let head = ["class"] + (hasGroups ? ["group"] : []) + first.values.map(\.name)
        let rows = classes.map { result in
            [result.name] + (hasGroups ? [result.group] : []) + result.values.map { Self.figure($0.value) }
        }
        return Self.table(head, rows)
    }

    /// COCO's metrics are -1 or NaN if there is nothing to find.
    private static func figure(_ value: Double) -> String {
        value.isFinite && value != -1 ? NumberText.significant(value, 4) : "–"
    }

    private static func table(_ head: [String], _ rows: [[String]]) -> String {
        func row(_ cells: [String], _ tag: String) -> String {
            "<tr>" + cells.map { "<\(tag)>\(Markup.escaped($0))</\(tag)>" }.joined() + "</tr>"
        }
        return
            "<div><table>\(row(head, "th"))\(rows.map { row($0, "td") }.joined(separator: "\n"))</table></div>"
    }

    private static func figure(_ picture: EvaluationReport.Picture) -> String {
        let data = Data(picture.png).base64EncodedString()
        let name = Markup.escaped(picture.name.displayedPath)
        return
            "<figure><img width=\"\(picture.width)\" height=\"\(picture.height)\" alt=\"\(name)\" src=\"data:image/png;base64,\(data)\"><figcaption>\(name)</figcaption></figure>"
    }
}
