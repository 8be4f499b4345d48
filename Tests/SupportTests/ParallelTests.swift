import Support
import Testing

@Suite struct ParallelTests {
    private struct Fault: Error, Equatable { let unit: Int }

    @Test(arguments: [1, 2, 7]) func theErrorIsThatOfTheLowestUnit(threads: Int) {
        for _ in 0..<20 {
            #expect(throws: Fault(unit: 13)) {
                try Parallel.forEach(count: 200, threads: threads, grain: 3, state: {}) { _, unit in
                    if unit >= 13 { throw Fault(unit: unit) }
                }
            }
        }
    }
}
