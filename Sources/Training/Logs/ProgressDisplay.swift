import Foundation
import Support

/// Shows the progress of a training on standard error: a bar that is redrawn on a terminal, plain lines elsewhere.
public final class ProgressDisplay {
    private let isTerminal: Bool
    private let width: () -> Int
    private let write: (String) -> Void
    private var hasBar = false
    private var lineTime = ContinuousClock.now

    /// Creates a display on standard error.
    public convenience init() {
        self.init(isTerminal: isatty(2) == 1, width: Self.terminalWidth) {
            StandardError.write($0)
        }
    }

    /// Creates a display with custom output.
    /// - Parameters:
    ///   - width: Columns of the terminal.
    ///   - write: Writes text, including line breaks.
    init(isTerminal: Bool, width: @escaping () -> Int = { 80 }, write: @escaping (String) -> Void) {
        self.isTerminal = isTerminal
        self.width = width
        self.write = write
    }

    private static func terminalWidth() -> Int {
        var size = winsize()
        return ioctl(2, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
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
                "\(Self.short(secondsPerStep)) s per step: about \(Self.duration(remainingSeconds)) to the last step"
            )
        case .noted(_, let note): line("note: \(note)")
        case .progress(let progress): show(progress)
        case .evaluating(let step, let done, let total): showEvaluation(step, done, total)
        case .evaluationFailed(let step, let reason): line("step \(step): NO EVALUATION: \(reason)")
        case .evaluated(let step, let report):
            let metrics = report.metrics.map { "\($0.name) \(Self.short($0.value))" }
            line("step \(step): evaluation: \(metrics.joined(separator: ", "))")
        case .checkpointed(let step, let path): line("step \(step): checkpoint \(path)")
        case .checkpointFailed(let step, let reason): line("step \(step): NO CHECKPOINT: \(reason)")
        case .finished(let summary):
            let speed = Double(summary.imageCount) / max(summary.seconds, 1e-9)
            line(
                "\(summary.isComplete ? "finished" : "stopped") at step \(summary.step) after \(Self.duration(summary.seconds)), \(Self.short(speed)) images/s"
            )
        }
    }

    private func show(_ progress: TrainingProgress) {
        let losses = progress.losses.map { "\($0.name) \(Self.short($0.value))" }.joined(separator: " ")
        let speed = "\(Self.short(progress.imagesPerSecond)) img/s"
        let rest = Self.duration(progress.remainingSeconds)
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

    private func line(_ text: String) {
        if hasBar { write("\r\u{1B}[2K") }
        hasBar = false
        write(text + "\n")
    }

    /// Four significant digits.
    static func short(_ value: Double) -> String { String(format: "%.4g", value) }

    /// Hours (if any), minutes and seconds: `1:02:03`, `2:03`.
    static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e9 else { return "?" }
        let whole = Int(max(seconds, 0).rounded())
        let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60)
        return hours > 0
            ? String(format: "%d:%02d:%02d", hours, minutes, rest) : String(format: "%d:%02d", minutes, rest)
    }
}
