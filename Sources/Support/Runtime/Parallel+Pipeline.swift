import Dispatch
import Synchronization

extension Parallel {
    /// Makes values on one thread and uses them on this one, in their order: both work at once.
    ///
    /// - Parameters:
    ///   - batch: How many values are handed over together; six times as many are held at most.
    ///   - make: Gets a function that takes the next value; that function throws when nobody uses values any more.
    ///   - use: Gets one value after another.
    /// - Throws: The error of `use`, else, when all values before it are used, that of `make`.
    package static func pipeline<Value: Sendable>(
        batch: Int, _ make: @Sendable (_ hand: (Value) throws -> Void) throws -> Void,
        use: (Value) throws -> Void
    ) throws {
        let belt = Belt<Value>(batch: batch)
        try withoutActuallyEscaping(make) { make in
            let group = DispatchGroup()
            DispatchQueue.global().async(group: group) { belt.fill(make) }
            defer {
                belt.stop()
                group.wait()
            }
            while let values = try belt.take() {
                for value in values { try use(value) }
            }
        }
    }

    /// Values on their way from one thread to another, some at a time.
    private final class Belt<Value: Sendable>: Sendable {
        private struct Stopped: Error {}

        private struct State {
            var ready: [[Value]] = []
            var result: Result<Void, any Error>?
            var isStopped = false
        }

        private let batch: Int
        private let state = Mutex(State())
        // A semaphore may not end below the value that it was made with.
        private let room = DispatchSemaphore(value: 0)
        private let filled = DispatchSemaphore(value: 0)

        init(batch: Int) {
            self.batch = batch
            for _ in 0..<4 { room.signal() }
        }

        func fill(_ make: (_ hand: (Value) throws -> Void) throws -> Void) {
            var values: [Value] = []
            func pass() throws {
                if state.withLock(\.isStopped) { throw Stopped() }
                // A stop makes room for once.
                room.wait()
                try state.withLock {
                    guard !$0.isStopped else { throw Stopped() }
                    $0.ready.append(values)
                }
                values = []
                filled.signal()
            }
            let result = Result {
                var failure: (any Error)?
                do {
                    try make { value in
                        values.append(value)
                        if values.count >= batch { try pass() }
                    }
                } catch { failure = error }
                // What was made before a fault is used before it is told.
                if !(failure is Stopped), !values.isEmpty { try pass() }
                if let failure { throw failure }
            }
            state.withLock { $0.result = result }
            filled.signal()
        }

        /// The next values; nil behind the last ones.
        func take() throws -> [Value]? {
            filled.wait()
            let (values, result) = state.withLock { state in
                (state.ready.isEmpty ? nil : state.ready.removeFirst(), state.result)
            }
            if let values {
                room.signal()
                return values
            }
            try result?.get()
            return nil
        }

        func stop() {
            state.withLock { $0.isStopped = true }
            room.signal()
        }
    }
}
