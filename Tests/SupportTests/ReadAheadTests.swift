import Foundation
import Support
import Synchronization
import Testing

@Suite struct ReadAheadTests {
    @Test func resultsKeepTheirOrderAndTheWindowIsKept() async throws {
        let running = Mutex((now: 0, most: 0))
        let items = ReadAhead(count: 50, window: 3) { index in
            running.withLock {
                $0.now += 1
                $0.most = max($0.most, $0.now)
            }
            Thread.sleep(forTimeInterval: index % 4 == 0 ? 0.003 : 0.001)
            running.withLock { $0.now -= 1 }
            if index == 7 { throw CancellationError() }
            return index
        }
        var values: [Int?] = []
        while let result = await items.next() { values.append(try? result.get()) }
        #expect(values == (0..<50).map { $0 == 7 ? nil : $0 })
        #expect(running.withLock { $0.most } <= 3)
    }

    /// Work ahead goes on while the consumer is busy.
    @Test func workIsDoneAhead() async throws {
        let done = Mutex(0)
        let items = ReadAhead(count: 20, window: 5) { index in
            done.withLock { $0 += 1 }
            return index
        }
        _ = await items.next()
        for _ in 0..<500 where done.withLock({ $0 }) < 6 { try await Task.sleep(for: .milliseconds(10)) }
        #expect(done.withLock { $0 } == 6)
    }

    @Test func nothingToDo() async {
        let items = ReadAhead(count: 0, window: 5) { $0 }
        #expect(await items.next() == nil)
    }

    /// A thread that belongs to no task gets the same results.
    @Test func resultsWithoutTasks() {
        func values() -> [Int?] {
            let items = ReadAhead(count: 40, window: 4) { index in
                if index == 7 { throw CancellationError() }
                return index
            }
            var values: [Int?] = []
            while let result = items.next() { values.append(try? result.get()) }
            return values
        }
        #expect(values() == (0..<40).map { $0 == 7 ? nil : $0 })
    }

    @Test func whatWasNotStartedIsGivenUp() async {
        let done = Mutex(0)
        let items = ReadAhead(count: 100, window: 1) { _ in done.withLock { $0 += 1 } }
        _ = await items.next()
        items.cancel()
        var cancelled = 0
        while let result = await items.next() {
            if case .failure(let error) = result, error is CancellationError { cancelled += 1 }
        }
        #expect(cancelled >= 98 && done.withLock { $0 } + cancelled == 100)
    }
}
