import Dispatch
import Synchronization

/// Makes batches in the background, in order, a few ahead.
final class BatchFeed<Batch: Sendable>: Sendable {
    private let made = Mutex<[Result<Batch, any Error>]>([])
    private let available = DispatchSemaphore(value: 0)
    private let room: DispatchSemaphore
    private let isStopped = Mutex(false)

    /// Starts making batches.
    /// - Parameters:
    ///   - steps: What `make` is called with, one after the other.
    ///   - depth: How many batches may wait.
    init(_ steps: Range<Int>, depth: Int = 3, make: @escaping @Sendable (Int) throws -> Batch) {
        room = DispatchSemaphore(value: depth)
        DispatchQueue(label: "batches").async { [self] in
            for step in steps {
                room.wait()
                if isStopped.withLock({ $0 }) { return }
                let result = Result { try make(step) }
                made.withLock { $0.append(result) }
                available.signal()
            }
        }
    }

    /// The next batch. To be called once a step.
    func next() throws -> Batch {
        available.wait()
        let result = made.withLock { $0.removeFirst() }
        room.signal()
        return try result.get()
    }

    /// Ends the work in the background.
    func stop() {
        isStopped.withLock { $0 = true }
        room.signal()
    }
}
