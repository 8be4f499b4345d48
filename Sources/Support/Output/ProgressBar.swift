import Foundation

/// The progress of a long command on standard error: a bar on a terminal after two seconds, plain lines or JSON objects
/// elsewhere, nothing in the quiet style.
package final class ProgressBar: @unchecked Sendable {
    private let label: String
    private let lock = NSLock()
    private let start = ContinuousClock.now
    private let style = StandardError.style
    private let isTerminal: Bool
    private var lastReport: ContinuousClock.Instant?
    private var hasReported = false

    /// Creates a bar for work with this name.
    package init(_ label: String) {
        self.label = label
        isTerminal = style.format == .text && Terminal.redraws
    }

    /// Reports that `done` of `total` units are finished; may be called at any rate, on any thread.
    package func update(_ done: Int, of total: Int?, unit: String = "") {
        guard !style.isQuiet else { return }
        lock.withLock {
            let now = ContinuousClock.now
            let interval: Duration = isTerminal ? .milliseconds(100) : .seconds(10)
            guard start.duration(to: now) > .seconds(2),
                lastReport.map({ $0.duration(to: now) > interval }) ?? true
            else { return }
            lastReport = now
            hasReported = true
            if isTerminal {
                redraw(Self.line(label, done, total, unit, columns: Terminal.columns))
            } else {
                let text = Self.line(label, done, total, unit, columns: nil)
                StandardError.write(style.format == .json ? text : text + "\n", level: "progress") {
                    $0.add("task", label)
                    $0.add("done", done)
                    if let total { $0.add("total", total) }
                }
            }
        }
    }

    /// Removes the bar.
    package func finish() {
        lock.withLock { if hasReported && isTerminal { redraw("") } }
    }

    /// A line of at most `columns` - 1 characters with a bar if there is room for one; without a bar if `columns` is nil.
    static func line(_ label: String, _ done: Int, _ total: Int?, _ unit: String, columns: Int?) -> String {
        let limit = columns.map { max($0 - 1, 1) } ?? .max
        guard let total, total > 0 else { return String("\(label): \(done)\(unit)".prefix(limit)) }
        let share = min(1, Double(done) / Double(total))
        let counts = "\(done)/\(total)\(unit)"
        let plain = "\(label): \(counts)"
        guard columns != nil else { return plain }
        let ending = " \(Int(share * 100)) %  \(counts)"
        let cells = min(24, limit - label.count - ending.count - 3)
        guard cells >= 4 else { return String(plain.prefix(limit)) }
        let filled = Int(share * Double(cells))
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: cells - filled)
        return "\(label) [\(bar)]\(ending)"
    }

    private func redraw(_ text: String) { StandardError.write("\r\u{1B}[K" + text) }
}
