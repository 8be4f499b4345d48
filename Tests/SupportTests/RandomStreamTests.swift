import Testing

@testable import Support

@Suite struct RandomStreamTests {
    @Test func streamsDifferInEveryInteger() {
        let streams: [[UInt64]] = [[0], [1], [0, 0], [1, 0], [0, 1], [2, 1, 0], [2, 0, 1]]
        let first = streams.map { integers in
            var stream =
                integers.count == 1
                ? RandomStream(integers[0])
                : integers.count == 2
                    ? RandomStream(integers[0], integers[1])
                    : RandomStream(integers[0], integers[1], integers[2])
            return stream.next()
        }
        #expect(Set(first).count == streams.count)
    }

    /// The numbers must never change: a run is resumed with them.
    @Test func numbersAreThoseOfXoshiro() {
        // SplitMix64 from 0 begins with e220a8397b1dcdaf (published test value).
        var stream = RandomStream()
        let state: [UInt64] = [
            0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4, 0x06C4_5D18_8009_454F, 0xF88B_B8A8_724C_81EC,
        ]
        let product = state[1] &* 5
        let expected = (product << 7 | product >> 57) &* 9
        #expect(stream.next() == expected)
    }

    @Test func uniformNumbersFillTheRange() {
        var stream = RandomStream(3)
        let numbers = (0..<4000).map { _ in stream.uniform() }
        #expect(numbers.allSatisfy { (0..<1).contains($0) })
        #expect(abs(numbers.reduce(0, +) / 4000 - 0.5) < 0.02)
        let integers = (0..<3000).map { _ in stream.integer(below: 3) }
        #expect((0..<3).allSatisfy { value in (900...1100).contains(integers.count { $0 == value }) })
        #expect(stream.integer(below: 1) == 0 && stream.integer(below: 0) == 0)
    }

    @Test func permutationsHoldEveryNumberOnce() {
        var stream = RandomStream(4)
        #expect(stream.permutation(0) == [])
        let order = stream.permutation(100)
        #expect(order.sorted() == Array(0..<100) && order != Array(0..<100))
    }
}
