import Support

/// A stream of random numbers determined by a seed and a name: SplitMix64 (Steele, Lea and Flood, 2014).
///
/// Each picture has its own stream, so that pictures can be drawn in any order.
struct RandomStream: RandomNumberGenerator, Sendable {
    private var generator: SplitMix64

    /// The stream of picture `index` in the series `name`.
    init(seed: UInt64, _ name: String, index: Int = 0) {
        let hash = name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        generator = SplitMix64(seed: seed)
        for part in [hash, UInt64(bitPattern: Int64(index))] {
            generator.state = generator.next() ^ part &* 0xD6E8_FEB8_6659_FD93
        }
    }

    mutating func next() -> UInt64 { generator.next() }

    /// A number from 0 up to but not including 1.
    mutating func unit() -> Float { Float(next() >> 40) * 0x1p-24 }

    /// A number uniformly distributed in a range.
    mutating func uniform(_ low: Float, _ high: Float) -> Float { low + (high - low) * unit() }

    /// A number whose logarithm is uniformly distributed.
    mutating func logUniform(_ low: Float, _ high: Float) -> Float { low * exp2(unit() * log2(high / low)) }

    /// An integer from 0 up to but not including `count`.
    mutating func index(_ count: Int) -> Int { Int(((next() >> 32) &* UInt64(count)) >> 32) }

    /// True in this share of calls.
    mutating func chance(_ share: Float) -> Bool { unit() < share }
}
