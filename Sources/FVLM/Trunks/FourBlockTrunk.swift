import CLIP
import Torch

/// Four blocks of a vision transformer as four maps of one stride: F-ViT's trunk (Wu et al., "CLIPSelf", 2024).
///
/// Where the tower's patches are aligned to texts by the last block's value path, the last block's map is that of this path,
/// which the scorer shares; a Perception Encoder's is its plain output.
package struct FourBlockTrunk: Trunk {
    let tower: VisionTransformer
    /// The blocks whose tokens the pyramid is made of, counted from 1, in the order of the maps.
    let blocks: [Int]

    /// - Parameter blocks: Counted from 1; nil: ``standardBlocks(depth:)``.
    /// - Throws: `ConfigurationError` unless there are four blocks of the tower, rising.
    package init(_ tower: VisionTransformer, blocks: [Int]? = nil) throws {
        let depth = tower.configuration.transformer.depth
        self.tower = tower
        self.blocks = blocks ?? Self.standardBlocks(depth: depth)
        guard self.blocks.count == 4, self.blocks.allSatisfy({ (1...depth).contains($0) }),
            zip(self.blocks, self.blocks.dropFirst()).allSatisfy({ $0 < $1 })
        else {
            throw ConfigurationError(
                key: "trunk.pyramidBlocks",
                reason: "needs four rising numbers from 1 to \(depth), not \(self.blocks)")
        }
    }

    /// F-ViT's choice: 4, 6, 8 and 12 of 12 blocks, 7, 11, 15 and 24 of 24, and as far apart in other towers.
    package static func standardBlocks(depth: Int) -> [Int] {
        [7, 11, 15, 24].map { min(max(Int((Double(depth * $0) / 24).rounded()), 1), depth) }
    }

    /// The names of the maps.
    package var levelNames: [String] {
        blocks.enumerated().map { place, block in
            usesValuePath && place == blocks.count - 1 ? "block\(block)-values" : "block\(block)"
        }
    }

    private var usesValuePath: Bool {
        tower.poolingHead == nil && blocks.last == tower.configuration.transformer.depth
    }

    /// The tokens of a batch.
    package func features(of pixels: Tensor) throws -> VisionTransformer.Features {
        try withoutGradients {
            try tower.features(
                of: pixels, keeping: Set(usesValuePath ? blocks.dropLast() : blocks[...]),
                keepingValuePath: usesValuePath)
        }
    }

    /// The blocks' tokens as maps.
    package func levels(of features: VisionTransformer.Features) throws -> [Tensor] {
        try withoutGradients {
            try blocks.enumerated().map { place, block in
                usesValuePath && place == blocks.count - 1
                    ? try tower.valuePathMap(of: features) : try features.map(at: block)
            }
        }
    }

    /// A scorer on a map of patch embeddings, by a pooling head or by crops.
    package func scorer(for options: ScoringOptions) throws -> (any RegionScorer<VisionTransformer.Features>)?
    {
        try tower.scorer(for: options, isNormalized: true)
    }
}
