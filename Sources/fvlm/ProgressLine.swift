import COCO
import Foundation
import Synchronization

/// One line on standard error that tells how far a long step is, after two seconds and only on a terminal.
final class ProgressLine: Sendable {
    private let label: String
    private let total: Int
    private let start = ContinuousClock.now
    private let shown = Mutex<Int>(-1)
    private let isTerminal = isatty(FileHandle.standardError.fileDescriptor) != 0

    init(_ label: String, total: Int) {
        self.label = label
        self.total = max(1, total)
    }

    /// For the draws of a bootstrap.
    var resampling: ResamplingProgress { ResamplingProgress { [self] in update($0) } }

    /// Shows that `done` of the total are finished.
    func update(_ done: Int) {
        guard isTerminal, ContinuousClock.now - start > .seconds(2) else { return }
        let percent = min(100, 100 * done / total)
        shown.withLock { shown in
            guard percent > shown else { return }
            shown = percent
            let bar =
                String(repeating: "#", count: percent / 4) + String(repeating: ".", count: 25 - percent / 4)
            FileHandle.standardError.write(Data("\r[\(bar)] \(percent) % of \(total) \(label)".utf8))
        }
    }

    /// Removes the line.
    func finish() {
        shown.withLock { shown in
            if shown >= 0 { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) }
            shown = -1
        }
    }
}
