/// Results of work on numbered items, in order, a window of which is worked on at any time.
package final class ReadAhead<Value: Sendable> {
    private var tasks: [Task<Value, any Error>] = []
    private var position = 0
    private let count: Int
    private let window: Int
    private let work: @Sendable (Int) throws -> Value

    /// Starts at once.
    package init(count: Int, window: Int, _ work: @escaping @Sendable (Int) throws -> Value) {
        self.count = count
        self.window = max(window, 1)
        self.work = work
        while tasks.count < min(count, self.window) { start() }
    }

    private func start() {
        let index = position + tasks.count
        guard index < count else { return }
        tasks.append(
            Task.detached { [work] in
                try Task.checkCancellation()
                return try work(index)
            })
    }

    /// The next result; nil when all were given out.
    package func next() async -> Result<Value, any Error>? {
        guard !tasks.isEmpty else { return nil }
        let task = tasks.removeFirst()
        position += 1
        start()
        return await task.result
    }

    /// Gives up what has not been asked for.
    package func cancel() { for task in tasks { task.cancel() } }
}
