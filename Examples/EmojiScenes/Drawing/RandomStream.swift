import Support

/// A stream of random numbers that a seed and a name begin: SplitMix64 (Steele, Lea and Flood, 2014).
///
/// Pictures have a stream each, so that they can be drawn in any order.
struct RandomStream: RandomNumberGenerator, Sendable {
    private var generator: SplitMix64

    /// The stream of picture `index` of the series `name`.
    init(seed: UInt64, _ name: String, index: Int = 0) {
        let hash = name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        generator = SplitMix64(seed: seed)
        for part in [hash, UInt64(bitPattern: Int64(index))] {
            generator.state = generator.next() ^ part &* 0xD6E8_FEB8_6659_FD93
        }
    }

    mutating func next() -> UInt64 { generator.next() }

    /// From 0 up to, without, 1.
    mutating func unit() -> Float { Float(next() >> 40) * 0x1p-24 }

    /// Uniform in a range.
    mutating func uniform(_ low: Float, _ high: Float) -> Float { low + (high - low) * unit() }

    /// Uniform in the logarithm.
    mutating func logUniform(_ low: Float, _ high: Float) -> Float { low * exp2(unit() * log2(high / low)) }

    /// From 0 up to, without, `count`.
    mutating func index(_ count: Int) -> Int { Int(((next() >> 32) &* UInt64(count)) >> 32) }

    /// True in this share of calls.
    mutating func chance(_ share: Float) -> Bool { unit() < share }
}
