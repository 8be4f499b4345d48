/// A small random number generator that gives the same numbers on every system (Steele, Lea and Flood, 2014).
package struct SplitMix64: RandomNumberGenerator, Sendable {
    /// The complete state of the generator; other bits may be mixed in between two numbers.
    package var state: UInt64

    /// Creates a generator from a seed.
    package init(seed: UInt64) { state = seed }

    /// Creates the generator of one of many independent runs.
    package init(seed: UInt64, run: Int) {
        var first = SplitMix64(seed: seed)
        state = first.next() ^ (UInt64(truncatingIfNeeded: run) &* 0xD129_0D3B_3A2B_5A4D)
    }

    /// The next 64 bits.
    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    /// A number below `bound`, which must be positive.
    package mutating func index(below bound: Int) -> Int {
        Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(bound)).high)
    }
}
