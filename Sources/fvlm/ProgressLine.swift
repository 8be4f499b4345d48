import Foundation
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Shows on standard error how far a task is, once it has taken two seconds: a line that changes on a terminal,
/// now and then a new line elsewhere.
final class ProgressLine: Sendable {
    private struct State {
        var last: ContinuousClock.Instant
        var isShown = false
    }

    private let what: String
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let start = ContinuousClock.now
    private let state = Mutex(State(last: .now))

    /// - Parameter what: what is counted: `pictures`.
    init(_ what: String) { self.what = what }

    /// Tells how many are done; from any thread.
    func show(_ done: Int, of total: Int) {
        state.withLock { state in
            let now = ContinuousClock.now
            guard now - start > .seconds(2),
                now - state.last > (isTerminal ? .milliseconds(100) : .seconds(10))
            else { return }
            state.last = now
            state.isShown = true
            let text = "\(done) of \(total) \(what)"
            write(isTerminal ? "\r\u{1B}[K\(text)" : text + "\n")
        }
    }

    /// Clears the line.
    func finish() {
        state.withLock { state in
            if state.isShown, isTerminal { write("\r\u{1B}[K") }
            state.isShown = false
        }
    }

    private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
