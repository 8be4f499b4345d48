import Support
import Testing

@Suite struct PipelineTests {
    private struct Fault: Error, Equatable { let number: Int }

    @Test(arguments: [0, 1, 31, 32, 33, 1000])
    func valuesArriveOnceInTheirOrder(_ count: Int) throws {
        var used: [Int] = []
        try Parallel.pipeline(batch: 32) { hand in
            for value in 0..<count { try hand(value) }
        } use: {
            used.append($0)
        }
        #expect(used == Array(0..<count))
    }

    @Test func whatIsMadeBeforeAFaultIsUsed() {
        var used: [Int] = []
        #expect(throws: Fault(number: 7)) {
            try Parallel.pipeline(batch: 32) { hand in
                for value in 0..<45 { try hand(value) }
                throw Fault(number: 7)
            } use: {
                used.append($0)
            }
        }
        #expect(used == Array(0..<45))
    }

    @Test func aFaultOfTheUserEndsTheMaker() {
        var used = 0
        #expect(throws: Fault(number: 3)) {
            try Parallel.pipeline(batch: 32) { hand in
                // Would not end by itself.
                while true { try hand(1) }
            } use: { _ in
                used += 1
                if used == 100 { throw Fault(number: 3) }
            }
        }
        #expect(used == 100)
    }
}
