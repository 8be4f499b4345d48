import Foundation

/// Makes batches in the background, in order, a few ahead.
final class BatchFeed<Batch: Sendable>: @unchecked Sendable {
    private let condition = NSCondition()
    private let depth: Int

    // Guarded by the condition.
    private var waiting: [Result<Batch, any Error>] = []
    private var isStopped = false

    /// Starts making batches.
    /// - Parameters:
    ///   - steps: The arguments of `make`, in order.
    ///   - depth: The number of batches that may wait.
    init(_ steps: Range<Int>, depth: Int = 3, make: @escaping @Sendable (Int) throws -> Batch) {
        self.depth = depth
        let thread = Thread { [self] in
            for step in steps where hasRoom() {
                let result = Result { try make(step) }
                condition.withLock {
                    waiting.append(result)
                    condition.broadcast()
                }
            }
        }
        thread.name = "batches"
        thread.stackSize = 4 << 20
        thread.start()
    }

    /// The next batch. Call it once per step.
    func next() throws -> Batch {
        try condition.withLock {
            while waiting.isEmpty { condition.wait() }
            defer { condition.broadcast() }
            return try waiting.removeFirst().get()
        }
    }

    /// Ends the work in the background.
    func stop() {
        condition.withLock {
            isStopped = true
            condition.broadcast()
        }
    }

    /// Waits for room.
    /// - Returns: Whether another batch is needed.
    private func hasRoom() -> Bool {
        condition.withLock {
            while waiting.count >= depth, !isStopped { condition.wait() }
            return !isStopped
        }
    }
}
