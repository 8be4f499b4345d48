import Foundation

/// The progress of a long command on standard error: a bar on a terminal after two seconds, plain lines elsewhere.
package final class ProgressBar: @unchecked Sendable {
    private let label: String
    private let lock = NSLock()
    private let start = ContinuousClock.now
    private let isTerminal = isatty(STDERR_FILENO) != 0
    private var lastReport: ContinuousClock.Instant?
    private var hasReported = false

    /// Creates a bar for work with this name.
    package init(_ label: String) { self.label = label }

    /// Reports that `done` of `total` units are finished; may be called at any rate, on any thread.
    package func update(_ done: Int, of total: Int?, unit: String = "") {
        lock.withLock {
            let now = ContinuousClock.now
            let interval: Duration = isTerminal ? .milliseconds(100) : .seconds(10)
            guard start.duration(to: now) > .seconds(2),
                lastReport.map({ $0.duration(to: now) > interval }) ?? true
            else { return }
            lastReport = now
            hasReported = true
            write(line(done, total, unit), ends: isTerminal ? "" : "\n")
        }
    }

    /// Removes the bar.
    package func finish() {
        lock.withLock { if hasReported && isTerminal { write("", ends: "") } }
    }

    private func line(_ done: Int, _ total: Int?, _ unit: String) -> String {
        guard let total, total > 0 else { return "\(label): \(done)\(unit)" }
        let share = min(1, Double(done) / Double(total))
        let counts = "\(done)/\(total)\(unit)"
        guard isTerminal else { return "\(label): \(counts)" }
        let filled = Int(share * 24)
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: 24 - filled)
        return "\(label) [\(bar)] \(Int(share * 100)) %  \(counts)"
    }

    private func write(_ text: String, ends: String) {
        let text = isTerminal ? "\r\u{1B}[K" + text : text
        StandardError.write(text + ends)
    }
}
