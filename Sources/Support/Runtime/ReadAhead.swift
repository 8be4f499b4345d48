import Dispatch
import Synchronization

/// The results of work on numbered items, in order, computed ahead within a window.
///
/// The work runs on Dispatch's threads, not on those of Swift's tasks: it may block, and a caller outside a task can
/// wait for it.
package final class ReadAhead<Value: Sendable>: Sendable {
    private typealias Outcome = Result<Value, any Error>

    /// One item's result, which callers can wait for.
    private final class Item: Sendable {
        private enum State {
            case pending
            case awaited(@Sendable (Outcome) -> Void)
            case done(Outcome)
        }

        private let state = Mutex(State.pending)

        func finish(_ outcome: Outcome) {
            let waiter = state.withLock { state -> (@Sendable (Outcome) -> Void)? in
                if case .awaited(let waiter) = state {
                    state = .done(outcome)
                    return waiter
                }
                state = .done(outcome)
                return nil
            }
            waiter?(outcome)
        }

        func whenDone(_ body: @escaping @Sendable (Outcome) -> Void) {
            let outcome = state.withLock { state -> Outcome? in
                if case .done(let outcome) = state { return outcome }
                state = .awaited(body)
                return nil
            }
            if let outcome { body(outcome) }
        }
    }

    /// The items in progress or not yet requested, and the number of the next one to start.
    private let started = Mutex<(items: [Item], next: Int)>(([], 0))
    private let isCancelled = Atomic(false)
    private let count: Int
    private let work: @Sendable (Int) throws -> Value

    /// Starts immediately.
    ///
    /// - Parameters:
    ///   - count: The number of items.
    ///   - window: The number of items in progress or kept ahead of the requested one.
    ///   - work: Called for every number below `count`, on several threads.
    package init(count: Int, window: Int, _ work: @escaping @Sendable (Int) throws -> Value) {
        self.count = count
        self.work = work
        for _ in 0..<min(count, max(window, 1)) { start() }
    }

    private func start() {
        guard
            let (item, index) = started.withLock({ started -> (Item, Int)? in
                guard started.next < count else { return nil }
                let item = Item()
                started.items.append(item)
                started.next += 1
                return (item, started.next - 1)
            })
        else { return }
        DispatchQueue.global(qos: .userInitiated).async { [self] in
            item.finish(
                Result {
                    if isCancelled.load(ordering: .relaxed) { throw CancellationError() }
                    return try work(index)
                })
        }
    }

    private func nextItem() -> Item? {
        let item = started.withLock { $0.items.isEmpty ? nil : $0.items.removeFirst() }
        if item != nil { start() }
        return item
    }

    /// The next result; nil after the last one.
    package func next() async -> Result<Value, any Error>? {
        guard let item = nextItem() else { return nil }
        return await withCheckedContinuation { continuation in
            item.whenDone { continuation.resume(returning: $0) }
        }
    }

    /// Synchronous variant of `next`; blocks the calling thread.
    package func next() -> Result<Value, any Error>? {
        guard let item = nextItem() else { return nil }
        let done = DispatchSemaphore(value: 0)
        let result = Mutex<Result<Value, any Error>?>(nil)
        item.whenDone { outcome in
            result.withLock { $0 = outcome }
            done.signal()
        }
        done.wait()
        return result.withLock { $0 }
    }

    /// Drops all work that has not started.
    package func cancel() { isCancelled.store(true, ordering: .relaxed) }
}
