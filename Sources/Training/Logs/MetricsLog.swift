import Evaluation
import Foundation
import Support
import WeightFiles

/// The file `metrics.jsonl` of a run: one JSON object per line and event.
///
/// Every object has `event` (`started`, `estimate`, `note`, `progress`, `evaluation`, `evaluation_failed`,
/// `checkpoint`, `checkpoint_failed`, `finished`), `step` and `time` (seconds since 1970). Pictures are not included.
final class MetricsLog {
    /// The path of the file.
    let path: String

    private let file: FileHandle

    /// Creates a log or, with a step, continues one: entries of later steps are removed, since a resumed training
    /// repeats them.
    /// - Throws: ``TrainingError`` if the file cannot be read or written.
    init(path: String, resumedStep: Int? = nil) throws {
        self.path = path
        do {
            let kept = try resumedStep.map { try Self.lines(of: path, upTo: $0) } ?? []
            try Folder.make(Path.parent(path))
            try AtomicFile.write(kept.flatMap { $0 + [0x0A] }, to: path)
            file = try FileHandle(appendingTo: path)
        } catch let error as TrainingError {
            throw error
        } catch {
            throw TrainingError(path, "cannot be written: \(error.oneLine)", exitStatus: .failure)
        }
    }

    deinit { try? file.close() }

    private static func lines(of path: String, upTo step: Int) throws -> [[UInt8]] {
        guard FileStatus(path) != nil else { return [] }
        let file: FileBytes
        do { file = try FileBytes(contentsOf: path) } catch { throw TrainingError(error) }
        return file.array.split(separator: 0x0A).map { [UInt8]($0) }.filter { line in
            // A line truncated by a crash belongs to the last step, which is repeated.
            guard let value = try? line.withUnsafeBytes({ try JSONValue(parsing: $0) }),
                case .object(let fields) = value, case .integer(let lineStep)? = fields["step"]
            else { return false }
            return lineStep <= step
        }
    }

    /// Writes an event.
    /// - Throws: ``TrainingError`` if the file cannot be written.
    func record(_ event: TrainingEvent, date: Date = Date()) throws {
        guard let text = Self.line(event, date) else { return }
        let line = text + "\n"
        do { try file.write(contentsOf: Data(line.utf8)) } catch {
            throw TrainingError(path, "cannot be written: \(error.oneLine)", exitStatus: .failure)
        }
    }

    static func line(_ event: TrainingEvent, _ date: Date) -> String? {
        var object = JSONObject()
        func begin(_ name: String, _ step: Int) {
            object.add("event", name)
            object.add("step", step)
            object.add("time", date.timeIntervalSince1970)
        }
        switch event {
        case .started(let start):
            begin("started", start.step)
            object.add("total_steps", start.totalSteps)
            object.add("examples", start.exampleCount)
            object.add("images_per_step", start.imagesPerStep)
            object.add("trainable_weights", start.trainableWeightCount)
            object.add("notes", start.notes)
        case .progress(let progress):
            begin("progress", progress.step)
            object.add("epoch", progress.epoch)
            object.add("loss", progress.loss)
            object.add("losses", progress.losses)
            object.add("learning_rate", progress.learningRate)
            object.add("gradient_norm", progress.gradientNorm)
            object.add("images_per_second", progress.imagesPerSecond)
            object.add("seconds_per_step", Self.timing(progress.timing))
            object.add("remaining_seconds", progress.remainingSeconds)
        case .estimated(let step, let secondsPerStep, let remainingSeconds):
            begin("estimate", step)
            object.add("seconds_per_step", secondsPerStep)
            object.add("remaining_seconds", remainingSeconds)
        case .noted(let step, let note):
            begin("note", step)
            object.add("note", note)
        case .evaluating: return nil
        case .evaluationFailed(let step, let reason):
            begin("evaluation_failed", step)
            object.add("reason", reason)
        case .evaluated(let step, let report):
            begin("evaluation", step)
            object.add("metrics", report.metrics)
            object.add("classes", report.classes.map(Self.row))
        case .checkpointed(let step, let path):
            begin("checkpoint", step)
            object.add("path", path)
        case .checkpointFailed(let step, let reason):
            begin("checkpoint_failed", step)
            object.add("reason", reason)
        case .finished(let summary):
            begin("finished", summary.step)
            object.add("complete", summary.isComplete)
            object.add("seconds", summary.seconds)
            object.add("images", summary.imageCount)
        }
        return object.text
    }

    private static func timing(_ timing: TrainingProgress.Timing) -> [NamedValue] {
        [
            NamedValue("data", timing.data), NamedValue("forward", timing.forward),
            NamedValue("backward", timing.backward), NamedValue("update", timing.update),
        ]
    }

    private static func row(_ result: EvaluationReport.ClassResult) -> JSONObject {
        var object = JSONObject()
        object.add("name", result.name)
        if !result.group.isEmpty { object.add("group", result.group) }
        for value in result.values { object.add(value.name, value.value) }
        return object
    }
}

extension JSONObject {
    mutating func add(_ name: String, _ values: [NamedValue]) {
        var object = JSONObject()
        for value in values { object.add(value.name, value.value) }
        add(name, text: object.text)
    }
}
