import Dispatch
import Foundation
import Synchronization

/// Loops over independent units of work on several threads.
package enum Parallel {
    /// A pointer shared by workers, each of which writes to its own elements.
    package struct Shared<Element>: @unchecked Sendable {
        package let base: UnsafeMutablePointer<Element>

        // No subscript: inner loops of other modules would call it without specialization.
        @inlinable package init(_ base: UnsafeMutablePointer<Element>) { self.base = base }
    }

    /// Replaces the elements of an array by those that `element` makes of their indices; each thread has its own state.
    ///
    /// - Throws: The error of the lowest index that failed, for any number of threads.
    package static func fill<Element, State>(
        _ elements: inout [Element], threads: Int, grain: Int, state: @Sendable () -> State,
        _ element: @Sendable (inout State, Int) throws -> Element
    ) throws {
        let count = elements.count
        try elements.withUnsafeMutableBufferPointer { elements in
            guard let shared = elements.baseAddress.map(Shared.init) else { return }
            try forEach(count: count, threads: threads, grain: grain, state: state) { state, index in
                shared.base[index] = try element(&state, index)
            }
        }
    }

    /// The number of threads for a request, where 0 means one per processor.
    package static func threadCount(_ requested: Int) -> Int {
        requested > 0 ? requested : ProcessInfo.processInfo.activeProcessorCount
    }

    /// Calls `body` for 0 ..< `count`; each thread has its own state.
    ///
    /// - Throws: The error of the lowest unit that failed, for any number of threads.
    package static func forEach<State>(
        count: Int, threads: Int, grain: Int, state: @Sendable () -> State,
        _ body: @Sendable (inout State, Int) throws -> Void
    ) throws {
        let chunks = (count + grain - 1) / grain
        let workers = max(1, min(threads, chunks))
        let next = Atomic<Int>(0)
        let failure = Mutex<(unit: Int, error: any Error)?>(nil)
        func work() {
            var local = state()
            // Units are handed out in order, so all units below a failed one are done or in progress.
            while failure.withLock({ $0 == nil }) {
                let chunk = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard chunk < chunks else { return }
                for unit in chunk * grain..<min(count, (chunk + 1) * grain) {
                    do {
                        try body(&local, unit)
                    } catch {
                        failure.withLock { first in
                            if first.map({ unit < $0.unit }) ?? true { first = (unit, error) }
                        }
                        return
                    }
                }
            }
        }
        if workers == 1 {
            work()
        } else {
            withoutActuallyEscaping(work) { work in
                nonisolated(unsafe) let work = work
                DispatchQueue.concurrentPerform(iterations: workers) { _ in work() }
            }
        }
        if let error = failure.withLock({ $0?.error }) { throw error }
    }
}
