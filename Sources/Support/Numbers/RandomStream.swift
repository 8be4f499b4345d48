/// A stream of random numbers determined only by a few integers: the same on every machine, in every run and for any
/// number of threads.
///
/// xoshiro256** (Blackman and Vigna, 2018), seeded by SplitMix64 from the integers one after another.
package struct RandomStream: RandomNumberGenerator, Sendable {
    private var state: (UInt64, UInt64, UInt64, UInt64)

    /// Creates the stream of these integers, for example of a seed, an epoch and an image's index.
    package init(_ integers: UInt64...) {
        var mixer = SplitMix64(seed: 0)
        for integer in integers { mixer.state = mixer.next() ^ integer }
        state = (mixer.next(), mixer.next(), mixer.next(), mixer.next())
    }

    /// The next 64 bits.
    package mutating func next() -> UInt64 {
        func rotated(_ value: UInt64, _ count: UInt64) -> UInt64 {
            value << count | value >> (64 - count)
        }
        let result = rotated(state.1 &* 5, 7) &* 9
        let shifted = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= shifted
        state.3 = rotated(state.3, 45)
        return result
    }

    // The standard library may change how it derives numbers from a generator's bits; these functions do not change.

    /// A number from 0 up to but not including 1.
    package mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// A number from a range.
    package mutating func uniform(_ range: ClosedRange<Double>) -> Double {
        range.lowerBound + (range.upperBound - range.lowerBound) * uniform()
    }

    /// An integer from 0 up to but not including `count`; 0 if `count` is 0.
    package mutating func integer(below count: Int) -> Int {
        count > 1 ? Int(next().multipliedFullWidth(by: UInt64(count)).high) : 0
    }

    /// The integers from 0 up to but not including `count`, in random order (Fisher and Yates).
    package mutating func permutation(_ count: Int) -> [Int] {
        var order = Array(0..<max(count, 0))
        for place in order.indices.reversed() where place > 0 {
            order.swapAt(place, integer(below: place + 1))
        }
        return order
    }
}
