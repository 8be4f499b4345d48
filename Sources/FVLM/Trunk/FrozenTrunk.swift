import CLIP
import Detection
import Torch

/// CLIP's image tower in the detector's two roles: maps for the pyramid, and embeddings of regions to be compared with
/// texts. Frozen: no gradient flows into it, and its statistics never move.
public struct FrozenTrunk: Sendable {
    /// Which samples the attention pool's crops of C5 are made of.
    public enum CropSampling: Sendable, Hashable {
        /// One at the centre of every cell, not moved by half a pixel: the published F-VLM's.
        case cellCentres
        /// RoIAlign, with so many samples along each side of a cell.
        case aligned(ratio: Int)
    }

    /// The image tower.
    public let tower: VisionTower

    /// How regions are embedded.
    public let scorer: RegionScorer

    /// The block of a vision transformer whose tokens the pyramid is made of, counted from 1. A ResNet has none.
    public let featureBlock: Int?

    /// The samples of the attention pool's crops.
    public let cropSampling: CropSampling

    /// A trunk.
    /// - Throws: ``ConfigurationError`` when the scorer or the block does not belong to the kind of tower.
    public init(
        _ tower: VisionTower, scorer: RegionScorer, featureBlock: Int? = nil,
        cropSampling: CropSampling = .cellCentres
    ) throws {
        self.tower = tower
        self.scorer = scorer
        self.cropSampling = cropSampling
        switch tower {
        case .resNet:
            guard scorer != .denseValue && scorer != .lastHidden else {
                throw ConfigurationError(
                    key: "scoring.scorer",
                    reason:
                        "'\(scorer.rawValue)' is for vision transformers; a ResNet has attentionPool, crop, none"
                )
            }
            self.featureBlock = nil
        case .transformer(let transformer):
            guard scorer != .attentionPool else {
                throw ConfigurationError(
                    key: "scoring.scorer",
                    reason:
                        "'attentionPool' is for ResNets; a vision transformer has denseValue, lastHidden, crop, none"
                )
            }
            let depth = transformer.configuration.transformer.depth
            let block = featureBlock ?? max(depth * 2 / 3, 1)
            guard (1...depth).contains(block) else {
                throw ConfigurationError(
                    key: "trunk.featureBlock", reason: "must be from 1 to \(depth), not \(block)")
            }
            self.featureBlock = block
        }
    }

    /// The names of the maps that the pyramid is made of, in the order of ``TrunkFeatures/levels``.
    public var levelNames: [String] {
        featureBlock.map { ["block\($0)"] } ?? (2...5).map { "C\($0)" }
    }

    /// The maps of a batch.
    /// - Parameters:
    ///   - pixels: [N, 3, H, W], normalised.
    ///   - scoresRegions: Whether regions will be embedded: training does without.
    /// - Throws: `CLIPError` for images that are too small, `TorchError`.
    public func features(of pixels: Tensor, scoresRegions: Bool) throws -> TrunkFeatures {
        try withoutGradients {
            switch tower {
            case .resNet(let trunk, _):
                let features = try trunk.features(of: pixels)
                return TrunkFeatures(
                    levels: features.all,
                    regionMap: scoresRegions && scorer == .attentionPool ? features.c5 : nil)
            case .transformer(let transformer):
                let block = featureBlock ?? 1
                let depth = transformer.configuration.transformer.depth
                let needsLast = scoresRegions && scorer == .lastHidden
                let features = try transformer.features(
                    of: pixels, keeping: needsLast ? [block, depth] : [block])
                var map: Tensor?
                if scoresRegions && scorer == .denseValue { map = try transformer.denseMap(of: features) }
                if needsLast { map = try transformer.lastHiddenMap(of: features) }
                return TrunkFeatures(levels: [try features.map(at: block)], regionMap: map)
            }
        }
    }

    /// Embeddings of regions by the vision-language model, [R, E] `float32`, not of length 1; none for the scorer
    /// ``RegionScorer/none``.
    /// - Parameters:
    ///   - features: Of ``features(of:scoresRegions:)``.
    ///   - pixels: The batch that they are of.
    ///   - boxes: The regions of each image, in pixels of the batch.
    /// - Throws: `CLIPError`, `DetectionError`, `TorchError`.
    public func regionEmbeddings(_ features: TrunkFeatures, pixels: Tensor, boxes: [Boxes]) throws -> Tensor?
    {
        try withoutGradients {
            switch (scorer, tower) {
            case (.none, _): return nil
            case (.attentionPool, .resNet(_, let pool)):
                guard let map = features.regionMap else { throw Self.missingMap }
                return try pooled(map, pool, boxes).to(.float32)
            case (.denseValue, .transformer(let transformer)), (.lastHidden, .transformer(let transformer)):
                guard let map = features.regionMap else { throw Self.missingMap }
                let scale = 1 / Double(transformer.configuration.patchSize)
                let regions = try Regions(
                    boxes: Boxes.cat(boxes), images: Self.images(of: boxes),
                    levels: [Int64](repeating: 0, count: boxes.reduce(0) { $0 + $1.count }))
                let cells = try roiAlign(
                    [PyramidLevel(map.to(.float32), scale: scale)], regions, output: Size2D(1),
                    sampling: .aligned(ratio: 2))
                return try cells.flattened(from: 1)
            case (.crop, _): return try croppedEmbeddings(pixels, boxes)
            default: throw Self.missingMap
            }
        }
    }

    private static let missingMap = DetectionError(
        "region scoring", "the trunk's features were made without the map that regions are scored on")

    private static func images(of boxes: [Boxes]) -> [Int64] {
        boxes.enumerated().flatMap { [Int64](repeating: Int64($0.offset), count: $0.element.count) }
    }

    private func pooled(_ map: Tensor, _ pool: AttentionPool, _ boxes: [Boxes]) throws -> Tensor {
        let corners = try Boxes.cat(boxes).tensor
        let images = Self.images(of: boxes).map { Int($0) }
        let size = Size2D(map.shape[2], map.shape[3])
        let regions: RegionCropping
        switch cropSampling {
        case .cellCentres:
            regions = try .cellCenters(corners, images: images, mapSize: size, gridSize: pool.gridSize)
        case .aligned(let ratio):
            regions = try .roiAlign(
                corners, images: images, mapSize: size, gridSize: pool.gridSize, samplingRatio: ratio)
        }
        return try pool(map, regions: regions)
    }

    /// The whole tower on crops of the image, a few at a time: memory must not grow with the number of regions.
    private func croppedEmbeddings(_ pixels: Tensor, _ boxes: [Boxes]) throws -> Tensor {
        let images = Self.images(of: boxes)
        let all = try Boxes.cat(boxes)
        var results: [Tensor] = []
        for start in stride(from: 0, to: images.count, by: 32) {
            let range = start..<min(start + 32, images.count)
            let regions = try Regions(
                boxes: Boxes(all.tensor[range]), images: Array(images[range]),
                levels: [Int64](repeating: 0, count: range.count))
            let crops = try roiAlign(
                [PyramidLevel(pixels.to(.float32), scale: 1)], regions, output: Size2D(tower.imageSize),
                sampling: .aligned(ratio: 0))
            results.append(try tower.embedding(of: crops.contiguous()).to(.float32))
        }
        return results.isEmpty ? try Tensor.zeros([0, tower.embeddingWidth]) : try Tensor.cat(results)
    }
}
