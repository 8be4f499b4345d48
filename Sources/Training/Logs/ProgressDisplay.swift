import Foundation
import Support

/// Shows the progress of a training on standard error: a bar that is redrawn on a terminal, plain lines elsewhere.
public final class ProgressDisplay {
    private let isTerminal: Bool
    private let width: () -> Int
    private let write: (String) -> Void
    private let warn: (String) -> Void
    private var hasBar = false
    private var lineTime = ContinuousClock.now

    /// Creates a display on standard error, in the style of its messages.
    public convenience init() {
        let style = StandardError.style
        let isTerminal = style.format == .text && !style.isQuiet && Terminal.redraws
        self.init(
            isTerminal: isTerminal, width: { Terminal.columns },
            write: { isTerminal ? StandardError.write($0) : StandardError.report(String($0.dropLast())) },
            warn: { StandardError.warn(String($0.dropLast())) })
    }

    /// Creates a display with custom output.
    /// - Parameters:
    ///   - width: Columns of the terminal.
    ///   - write: Writes text, including line breaks.
    ///   - warn: The same, of what failed.
    init(
        isTerminal: Bool, width: @escaping () -> Int = { 80 }, write: @escaping (String) -> Void,
        warn: ((String) -> Void)? = nil
    ) {
        self.isTerminal = isTerminal
        self.width = width
        self.write = write
        self.warn = warn ?? write
    }

    /// Shows an event.
    public func show(_ event: TrainingEvent) {
        switch event {
        case .started(let start):
            let at = start.step > 0 ? "from step \(start.step) " : ""
            line(
                "training \(at)to step \(start.totalSteps): \(start.exampleCount) examples, \(start.imagesPerStep) per step, \(start.trainableWeightCount) trainable weights"
            )
            for note in start.notes { line("note: \(note)") }
        case .estimated(_, let secondsPerStep, let remainingSeconds):
            line(
                "\(Self.short(secondsPerStep)) s per step: about \(NumberText.duration(seconds: remainingSeconds)) to the last step"
            )
        case .noted(_, let note): line("note: \(note)")
        case .progress(let progress): show(progress)
        case .evaluating(let step, let done, let total): showEvaluation(step, done, total)
        case .evaluationFailed(let step, let reason):
            line("step \(step): NO EVALUATION: \(reason)", isFailure: true)
        case .evaluated(let step, let report):
            let metrics = report.metrics.map { "\($0.name) \(Self.short($0.value))" }
            line("step \(step): evaluation: \(metrics.joined(separator: ", "))")
        case .checkpointed(let step, let path): line("step \(step): checkpoint \(path)")
        case .checkpointFailed(let step, let reason):
            line("step \(step): NO CHECKPOINT: \(reason)", isFailure: true)
        case .finished(let summary):
            let speed = Double(summary.imageCount) / max(summary.seconds, 1e-9)
            line(
                "\(summary.isComplete ? "finished" : "stopped") at step \(summary.step) after \(NumberText.duration(seconds: summary.seconds)), \(Self.short(speed)) images/s"
            )
        }
    }

    private func show(_ progress: TrainingProgress) {
        let losses = progress.losses.map { "\($0.name) \(Self.short($0.value))" }.joined(separator: " ")
        let speed = "\(Self.short(progress.imagesPerSecond)) img/s"
        let rest = NumberText.duration(seconds: progress.remainingSeconds)
        let count = "\(progress.step)/\(progress.totalSteps)"
        guard isTerminal else {
            line(
                "step \(count) epoch \(Self.short(progress.epoch)) loss \(Self.short(progress.loss)) (\(losses)) rate \(Self.short(progress.learningRate)) gradient \(Self.short(progress.gradientNorm)) \(speed), \(rest) left"
            )
            return
        }
        let share = Double(progress.step) / Double(max(progress.totalSteps, 1))
        let cells = 20
        let full = Int(share * Double(cells))
        let bar = String(repeating: "█", count: full) + String(repeating: "░", count: cells - full)
        let text = "\(bar) \(count) loss \(Self.short(progress.loss)) \(speed) \(rest) left \(losses)"
        write("\r\u{1B}[2K" + text.prefix(max(width() - 1, 10)))
        hasBar = true
    }

    /// A bar on a terminal; elsewhere one line every ten seconds, so that a long evaluation shows progress.
    private func showEvaluation(_ step: Int, _ done: Int, _ total: Int) {
        let text = "step \(step): evaluating, \(done) of \(total) pictures"
        if done <= 1 { lineTime = .now }
        if isTerminal {
            write("\r\u{1B}[2K" + text.prefix(max(width() - 1, 10)))
            hasBar = true
        } else if ContinuousClock.now - lineTime >= .seconds(10) {
            line(text)
            lineTime = .now
        }
    }

    private func line(_ text: String, isFailure: Bool = false) {
        if hasBar { write("\r\u{1B}[2K") }
        hasBar = false
        isFailure ? warn(text + "\n") : write(text + "\n")
    }

    /// Four significant digits.
    static func short(_ value: Double) -> String { NumberText.significant(value, 4) }
}
