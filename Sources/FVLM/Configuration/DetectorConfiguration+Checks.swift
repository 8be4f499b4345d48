extension DetectorConfiguration {
    /// Validates every number in a file.
    /// - Throws: `ConfigurationError` with the key.
    public func validate() throws {
        func positive(_ key: String, _ values: Int..., atMost: Int = 1_000_000) throws {
            for value in values where !(1...atMost).contains(value) {
                throw ConfigurationError(key: key, reason: "must be from 1 to \(atMost), not \(value)")
            }
        }
        func share(_ key: String, _ value: Double) throws {
            guard (0...1).contains(value) else {
                throw ConfigurationError(key: key, reason: "must be from 0 to 1, not \(value)")
            }
        }
        func temperature(_ key: String, _ value: Double) throws {
            guard value > 0, value.isFinite else {
                throw ConfigurationError(key: key, reason: "must be above 0, not \(value)")
            }
        }
        try positive("input.size", input.size, atMost: 16_384)
        try positive("input.longestSide", input.longestSide, atMost: 65_536)
        try positive("network.width", network.width, atMost: 65_536)
        try positive("network.hidden", network.hidden, atMost: 65_536)
        try pair("network.proposalCandidates", network.proposalCandidates)
        try pair("network.proposalCount", network.proposalCount)
        if let size = network.anchorSizes?.first(where: { !($0 > 0 && $0.isFinite) }) {
            throw ConfigurationError(key: "network.anchorSizes", reason: "must be above 0, not \(size)")
        }
        for (key, side) in [
            ("network.canonicalSide", network.canonicalSide),
            ("network.maskCanonicalSide", network.maskCanonicalSide),
        ] where !(side > 0 && side.isFinite) {
            throw ConfigurationError(key: key, reason: "must be above 0, not \(side)")
        }
        let scales = trunk.adapterScales
        guard trunk.adapterChannels.count == scales.count, !scales.isEmpty,
            scales.allSatisfy({ (1...64).contains($0) }),
            zip(scales, scales.dropFirst()).allSatisfy({ $0 == 2 * $1 })
        else {
            throw ConfigurationError(
                key: "trunk.adapterScales",
                reason: "needs one scale per channel, each twice the next, such as [8, 4, 2, 1]")
        }
        for channels in trunk.adapterChannels {
            try positive("trunk.adapterChannels", channels, atMost: 65_536)
        }
        if let blocks = trunk.pyramidBlocks {
            for block in blocks { try positive("trunk.pyramidBlocks", block, atMost: 1024) }
        }
        if let block = trunk.featureBlock { try positive("trunk.featureBlock", block, atMost: 1024) }
        try scoring.validate()
        try temperature("learning.temperature", learning.temperature)
        guard learning.backgroundWeight >= 0, learning.backgroundWeight.isFinite else {
            throw ConfigurationError(key: "learning.backgroundWeight", reason: "must not be negative")
        }
        try positive("learning.anchorsPerImage", learning.anchorsPerImage)
        try positive("learning.regionsPerImage", learning.regionsPerImage)
        try share("learning.foregroundFraction", learning.foregroundFraction)
        if let count = learning.masksPerImage { try positive("learning.masksPerImage", count) }
    }

    private func pair(_ key: String, _ values: [Int]) throws {
        guard values.count == 2, values.allSatisfy({ (1...1_000_000).contains($0) }) else {
            throw ConfigurationError(
                key: key, reason: "must be two numbers above 0: during training and otherwise")
        }
    }
}
