import Dispatch
import Foundation

/// The signals by which people and machines ask a program to stop, so that it can end in order: Ctrl-C, the end of a job, and
/// the end of the terminal, unless nohup ignores that.
///
/// They are heard for as long as the object lives; then they do what they did before. A second Ctrl-C ends the program at once.
final class StopSignals {
    private let sources: [(source: any DispatchSourceSignal, previous: sig_t?)]

    /// - Parameter stop: Called for the first signal and for every later one, on another thread.
    init(_ stop: @escaping @Sendable () -> Void) {
        sources = [SIGINT, SIGTERM, SIGHUP].compactMap { number in
            let previous = signal(number, SIG_IGN)
            if number == SIGHUP, Self.isIgnored(previous) { return nil }
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                if number == SIGINT { signal(SIGINT, SIG_DFL) }
                stop()
            }
            source.resume()
            return (source, previous)
        }
    }

    deinit {
        for (source, previous) in sources {
            source.cancel()
            _ = signal(Int32(source.handle), previous)
        }
    }

    private static func isIgnored(_ handler: sig_t?) -> Bool {
        unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    }
}
