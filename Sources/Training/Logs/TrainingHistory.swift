import Evaluation
import Foundation
import Support
import WeightFiles

/// What a report shows of a training: figures by step, and the last evaluation.
struct TrainingHistory: Sendable {
    /// A figure at several steps.
    struct Series: Sendable, Hashable {
        /// The name.
        var name: String
        /// Steps, rising.
        var steps: [Int] = []
        /// The figure at each.
        var values: [Double] = []
    }

    /// The loss, then its terms.
    private(set) var losses: [Series] = []

    /// The figures of evaluations.
    private(set) var metrics: [Series] = []

    /// The learning rate.
    private(set) var learningRate = Series(name: "learning rate")

    /// The last evaluation.
    private(set) var evaluation: (step: Int, report: EvaluationReport)?

    /// Steps made and steps in all.
    private(set) var steps = (made: 0, total: 0)

    /// An empty history.
    init() {}

    /// What a `metrics.jsonl` says; classes, curves and pictures come with the next evaluation.
    /// - Throws: ``TrainingError`` when a line is not such an object.
    init(contentsOf path: String) throws {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw TrainingError(path, "cannot be read")
        }
        for (number, line) in data.split(separator: 0x0A).enumerated() {
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
