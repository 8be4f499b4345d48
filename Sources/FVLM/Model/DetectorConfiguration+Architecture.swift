import CLIP
import Imaging
import RegionDetection
import Support

extension DetectorConfiguration {
    /// The architecture of the detector on a CLIP of the given sizes.
    /// - Throws: `ConfigurationError` if family and tower do not match; `DetectionError`.
    package func architecture(for clip: CLIPConfiguration) throws -> DetectorArchitecture {
        var architecture = try base(clip)
        if !network.masks { architecture.maskHead = nil }
        let strides = architecture.anchors.strides
        if let sizes = network.anchorSizes {
            guard sizes.count == strides.count else {
                throw ConfigurationError(
                    key: "network.anchorSizes",
                    reason: "needs \(strides.count) numbers, for the strides \(Self.text(strides))")
            }
            architecture.anchors.sizes = sizes.map { [$0] }
        }
        architecture.boxPooler.canonicalSide = network.canonicalSide
        architecture.maskPooler.canonicalSide = network.maskCanonicalSide
        if family == .fvit {
            // mmdet counts from the finest level, a quarter of the side; the sums are rounded in the same way then.
            for pooler in [\DetectorArchitecture.boxPooler, \.maskPooler] {
                architecture[keyPath: pooler].canonicalSide /= 4
                architecture[keyPath: pooler].canonicalLevel -= 2
            }
        }
        architecture.proposals.training = RegionProposalNetwork.Counts(
            beforeSuppression: network.proposalCandidates[0], afterSuppression: network.proposalCount[0])
        architecture.proposals.evaluation = RegionProposalNetwork.Counts(
            beforeSuppression: network.proposalCandidates[1], afterSuppression: network.proposalCount[1])
        architecture.proposals.sampler = try BalancedSampler(
            count: learning.anchorsPerImage, positiveFraction: 0.5)
        architecture.regionSampler.sampler = try BalancedSampler(
            count: learning.regionsPerImage, positiveFraction: learning.foregroundFraction)
        architecture.maskRegionLimit = learning.masksPerImage
        architecture.temperatureScale = learning.temperature
        switch learning.classification {
        case .softmax:
            architecture.classificationLoss = .softmax(backgroundWeight: learning.backgroundWeight)
        case .contrastive: architecture.classificationLoss = .contrastive()
        case .sigmoid: architecture.classificationLoss = .sigmoid
        case .focal: architecture.classificationLoss = .focal()
        }
        return architecture
    }

    private func base(_ clip: CLIPConfiguration) throws -> DetectorArchitecture {
        let width = network.width
        switch (family, clip.vision) {
        case (.published, .resNet(let trunk)):
            return try .published(
                channels: trunk.channels, embeddingWidth: trunk.embeddingWidth, width: width,
                hidden: network.hidden)
        case (.published, .transformer):
            throw ConfigurationError(
                key: "family",
                reason:
                    "the published family needs a CLIP with a ResNet; with a vision transformer use detectron2 or fvit"
            )
        case (.detectron2, .resNet(let trunk)):
            return try .detectron2(
                adapter: .none, channels: trunk.channels,
                embeddingWidth: trunk.embeddingWidth, width: width, hidden: hidden,
                anchorSizes: Self.anchorSizes(ModifiedResNet.strides.map(Double.init)))
        case (.detectron2, .transformer(let trunk)):
            return try detectron2(on: trunk)
        case (.fvit, .transformer(let trunk)):
            return try .fvit(
                inputs: trunk.transformer.width, patchSize: trunk.patchSize,
                embeddingWidth: trunk.embeddingWidth, width: width, hidden: network.hidden,
                normalizesProposals: network.normalizesProposals)
        case (.fvit, .resNet):
            throw ConfigurationError(
                key: "family",
                reason:
                    "the family fvit needs a vision transformer; with a ResNet use published or detectron2"
            )
        }
    }

    private var hidden: [Int] { [network.hidden, network.hidden] }

    /// The family detectron2 on a vision transformer, whose single map an adapter makes a pyramid of.
    private func detectron2(on tower: VisionTransformer.Configuration) throws -> DetectorArchitecture {
        let scales = trunk.adapterScales
        // A map finer than pixels makes no sense.
        let strides = scales.map { Double(tower.patchSize) / Double($0) }
        guard strides.allSatisfy({ $0 >= 1 }) else {
            throw ConfigurationError(
                key: "trunk.adapterScales",
                reason:
                    "a patch of \(tower.patchSize) pixels, \(scales) times finer, gives steps below a pixel")
        }
        let inputs = tower.transformer.width
        switch trunk.adapter {
        case .bilinear:
            return try .detectron2(
                adapter: .bilinear(inputs: inputs, outputs: trunk.adapterChannels, scales: scales),
                channels: trunk.adapterChannels, strides: strides, embeddingWidth: tower.embeddingWidth,
                width: network.width, hidden: hidden, anchorSizes: Self.anchorSizes(strides))
        case .simplePyramid:
            let strides = [0.25, 0.5, 1, 2].map { Double(tower.patchSize) * $0 }
            guard strides[0] >= 1 else {
                throw ConfigurationError(
                    key: "trunk.adapter", reason: "the simple pyramid needs patches of at least 4 pixels")
            }
            return try .detectron2(
                adapter: .simplePyramid(
                    inputs: inputs, width: network.width,
                    firstLevel: Int(log2(strides[0]).rounded())),
                channels: [Int](repeating: network.width, count: strides.count), strides: strides,
                embeddingWidth: tower.embeddingWidth, width: network.width, hidden: hidden,
                anchorSizes: Self.anchorSizes(strides))
        }
    }

    private static func text(_ strides: [Double]) -> String {
        "[" + strides.map { $0.rounded() == $0 ? "\(Int($0))" : "\($0)" }.joined(separator: ", ") + "]"
    }

    private static func anchorSizes(_ strides: [Double]) -> [Double] {
        (strides + strides.suffix(1).map { $0 * 2 }).map { 8 * $0 }
    }

    /// Creates the frozen trunk from a CLIP.
    /// - Throws: `ConfigurationError` if it does not fit the CLIP.
    public func trunk(of clip: CLIPModel) throws -> any Trunk {
        switch clip.vision {
        case .resNet(let tower, let pool):
            ResNetTrunk(tower, pool, sampling: family == .published ? .cellCenters : .aligned(ratio: 2))
        case .transformer(let tower):
            family == .fvit
                ? try FourBlockTrunk(tower, blocks: trunk.pyramidBlocks)
                : try TransformerTrunk(tower, block: trunk.featureBlock)
        }
    }

    /// The preprocessing of pictures.
    public var preprocessor: ImagePreprocessor {
        let fitting: ImagePreprocessor.Fitting =
            switch input.fitting {
            case .square: .square(side: input.size)
            case .longestSide: .shortestSide(input.size, longestSide: input.size, multiple: 1)
            case .shortestSide: .shortestSide(input.size, longestSide: input.longestSide, multiple: 1)
            }
        let filter: ResamplingFilter = input.resampling == .antialiased ? .bilinear : .linear
        let normalization: PixelNormalization =
            switch input.normalization {
            case .clip: .clip
            case .imageNet: .imageNet
            case .half: .half
            }
        return ImagePreprocessor(
            fitting: fitting, filter: filter, padding: .zero, normalization: normalization)
    }

    /// The size that contains every picture after resizing.
    public var frame: Size2D {
        Size2D(input.fitting == .shortestSide ? input.longestSide : input.size)
    }

    /// The divisor of batch heights and widths that makes every level of the pyramid half of the one before.
    public func sizeMultiple(for clip: CLIPConfiguration) -> Int {
        switch clip.vision {
        case .resNet: 64
        case .transformer(let tower):
            family == .fvit
                ? tower.patchSize : tower.patchSize * (trunk.adapter == .simplePyramid ? 4 : 2)
        }
    }
}
