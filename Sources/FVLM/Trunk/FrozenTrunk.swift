import CLIP
import RegionDetection
import Torch

/// CLIP's image tower in the detector's two roles: maps for the pyramid, and embeddings of regions to be compared with
/// texts. Frozen: no gradient flows into it, and its statistics never move.
public struct FrozenTrunk: Sendable {
    /// Which samples the attention pool's crops of C5 are made of.
    public enum CropSampling: Sendable, Hashable {
        /// One at the centre of every cell, not moved by half a pixel: the published F-VLM's.
        case cellCenters
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

    /// How finely regions are seen; the scorer ``RegionScorer/crop`` sees all at one size.
    public let resolution: RegionResolution

    /// A trunk.
    /// - Throws: ``ConfigurationError`` when the scorer, the block or the resolution does not belong to the kind of tower.
    public init(
        _ tower: VisionTower, scorer: RegionScorer, featureBlock: Int? = nil,
        cropSampling: CropSampling = .cellCenters, resolution: RegionResolution = RegionResolution()
    ) throws {
        self.tower = tower
        self.scorer = scorer
        self.cropSampling = cropSampling
        self.resolution = resolution
        guard !resolution.isDense || scorer == .attentionPool else {
            throw ConfigurationError(
                key: "scoring.vlmDense",
                reason: "is for the scorer attentionPool, not for '\(scorer.rawValue)'")
        }
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
                guard scoresRegions, scorer == .attentionPool else {
                    return TrunkFeatures(levels: features.all)
                }
                func map(_ features: ModifiedResNet.Features) throws -> Tensor {
                    resolution.isDense ? try trunk.denseC5(features.c4) : features.c5
                }
                return TrunkFeatures(
                    levels: features.all,
                    regionMaps: try resolution.scales.map { scale in
                        scale == 1 ? try map(features) : try map(trunk.features(of: resized(pixels, scale)))
                    })
            case .transformer(let transformer):
                let block = featureBlock ?? 1
                let depth = transformer.configuration.transformer.depth
                let scoresMap = scoresRegions && (scorer == .denseValue || scorer == .lastHidden)
                let kept: Set = scoresMap && scorer == .lastHidden ? [block, depth] : [block]
                func map(_ features: VisionTransformer.Features) throws -> Tensor {
                    scorer == .denseValue
                        ? try transformer.denseMap(of: features) : try transformer.lastHiddenMap(of: features)
                }
                let features = try transformer.features(of: pixels, keeping: kept)
                let levels = [try features.map(at: block)]
                guard scoresMap else { return TrunkFeatures(levels: levels) }
                return TrunkFeatures(
                    levels: levels,
                    regionMaps: try resolution.scales.map { scale in
                        scale == 1
                            ? try map(features)
                            : try map(transformer.features(of: resized(pixels, scale), keeping: kept))
                    })
            }
        }
    }

    /// A batch enlarged for the scoring of regions, and padded with the mean colour to whole cells.
    private func resized(_ pixels: Tensor, _ scale: Double) throws -> Tensor {
        func length(_ side: Int) -> Int { max(Int((Double(side) * scale).rounded()), 1) }
        let size = Size2D(length(pixels.shape[2]), length(pixels.shape[3]))
        let resized = try pixels.to(.float32).interpolated(to: size, antialias: scale < 1)
        func missing(_ side: Int) -> Int { (stride - side % stride) % stride }
        return try resized.padded([0, missing(size.width), 0, missing(size.height)])
    }

    /// The step in pixels of the towers' last maps.
    private var stride: Int {
        switch tower {
        case .resNet: ModifiedResNet.strides[3]
        case .transformer(let transformer): transformer.configuration.patchSize
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
                return try scaled(features, boxes) { try pooled($0, pool, $1, $2).to(.float32) }
            case (.denseValue, .transformer), (.lastHidden, .transformer):
                return try scaled(features, boxes) { map, boxes, images in
                    let regions = try Regions(
                        boxes: boxes, images: images, levels: [Int64](repeating: 0, count: boxes.count))
                    let cells = try roiAlign(
                        [PyramidLevel(map.to(.float32), scale: 1 / Double(stride))], regions,
                        output: Size2D(1), sampling: .aligned(ratio: 2))
                    return try cells.flattened(from: 1)
                }
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

    /// Embeds every region on the maps of the sizes at which it is seen best.
    private func scaled(
        _ features: TrunkFeatures, _ boxes: [Boxes],
        _ embed: (_ map: Tensor, _ boxes: Boxes, _ images: [Int64]) throws -> Tensor
    ) throws -> Tensor {
        guard features.regionMaps.count == resolution.scales.count else { throw Self.missingMap }
        let all = try Boxes.cat(boxes)
        let images = Self.images(of: boxes)
        func embedded(_ place: Int, _ boxes: Boxes, _ images: [Int64]) throws -> Tensor {
            let scale = resolution.scales[place]
            return try embed(
                features.regionMaps[place], scale == 1 ? boxes : boxes.scaled(x: scale, y: scale), images)
        }
        guard resolution.scales.count > 1 else { return try embedded(0, all, images) }
        let corners = try all.tensor.array(of: Float.self)
        let places = images.indices.map { row in
            resolution.scales(
                forWidth: corners[4 * row + 2] - corners[4 * row],
                height: corners[4 * row + 3] - corners[4 * row + 1])
        }
        let result = try Tensor.zeros([all.count, tower.embeddingWidth], device: all.device)
        for place in resolution.scales.indices {
            let rows = images.indices.filter { places[$0].contains(place) }
            guard !rows.isEmpty else { continue }
            let indices = try Tensor(rows)
            var embeddings = try embedded(place, all.selected(indices), rows.map { images[$0] })
            // The average is one of directions.
            if resolution.scalesPerRegion > 1 { embeddings = try embeddings.normalized() }
            try result.set(indices, to: result.indexSelected(0, indices) + embeddings)
        }
        return result
    }

    private func pooled(_ map: Tensor, _ pool: AttentionPool, _ boxes: Boxes, _ images: [Int64]) throws
        -> Tensor
    {
        let images = images.map { Int($0) }
        let size = Size2D(map.shape[2], map.shape[3])
        let scale = 1 / Float(resolution.isDense ? stride / 2 : stride)
        let regions: RegionCropping
        switch cropSampling {
        case .cellCenters:
            regions = try .cellCenters(
                boxes.tensor, images: images, mapSize: size, gridSize: pool.gridSize, scale: scale)
        case .aligned(let ratio):
            // The cells of a dense map lie half a cell further than RoIAlign takes them to.
            let shift = resolution.isDense ? Double(stride) / 4 : 0
            regions = try .roiAlign(
                boxes.tensor - shift, images: images, mapSize: size, gridSize: pool.gridSize, scale: scale,
                samplingRatio: ratio)
        }
        return try pool(map, regions: regions)
    }

    /// The whole tower on crops of the image, a few at a time: memory must not grow with the number of regions.
    private func croppedEmbeddings(_ pixels: Tensor, _ boxes: [Boxes]) throws -> Tensor {
        let images = Self.images(of: boxes)
        let all = try Boxes.cat(boxes)
        var results: [Tensor] = []
        for start in Swift.stride(from: 0, to: images.count, by: 32) {
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
