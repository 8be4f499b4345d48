import CLIP
import RegionDetection
import Torch

// Letters for shapes: N images, R regions of all images, E width of text embeddings, K classes with the background in
// row 0, S cells per side of a mask.

/// The trained part of the detector: everything from the frozen trunk's maps to boxes, region embeddings and masks.
///
/// Stage by stage, so that each can be used, measured and compared alone. Parameters: `adapter`, `fpn`, `rpn_head`,
/// `box_head`, `bbox_fc`, `bbox_pred`, `projection`, `mask_head`, `temperature`.
public struct DetectorNetwork: Sendable {
    /// The parts and their settings.
    package let architecture: DetectorArchitecture

    /// The parameters.
    public let store: ParameterStore

    /// Proposes boxes of possible objects.
    public let proposalNetwork: RegionProposalNetwork

    /// Compares region embeddings with texts.
    public let classifier: TextClassifier

    /// What the cosines of region embeddings and texts are divided by, as it was learned.
    /// - Throws: `TorchError`.
    package var temperature: Double {
        get throws {
            try classifier.temperatureScale * (classifier.temperature?.value.to(.float32).item() ?? 1)
        }
    }

    private let adapter: BilinearAdapter?
    private let deconvolution: DeconvolutionAdapter?
    private let simplePyramid: SimpleFeaturePyramid?
    private let featurePyramid: FeaturePyramid?
    private let boxHead: BoxHead
    private let predictor: RegionPredictor
    private let maskHead: MaskHead?

    /// Creates the network of a configuration for a CLIP of the given sizes; its parameters have no values yet.
    /// - Throws: `ConfigurationError` if family and tower do not match; `DetectionError`, `TorchError`.
    public init(_ configuration: DetectorConfiguration, for clip: CLIPConfiguration, dtype: DType = .float32)
        throws
    { try self.init(configuration.architecture(for: clip), dtype: dtype) }

    /// Creates a network from parts that a configuration cannot express.
    /// - Throws: `DetectionError` if parts do not match, `TorchError`.
    package init(_ architecture: DetectorArchitecture, dtype: DType = .float32) throws {
        self.architecture = architecture
        let store = ParameterStore(dtype: dtype)
        let root = store.root
        self.store = store
        classifier = try TextClassifier(root, temperatureScale: architecture.temperatureScale)
        if case .deconvolution(let width) = architecture.adapter {
            deconvolution = try DeconvolutionAdapter(root / "adapter", width: width)
        } else {
            deconvolution = nil
        }
        switch architecture.adapter {
        case .none, .deconvolution: (adapter, simplePyramid) = (nil, nil)
        case .bilinear(let inputs, let outputs, let scales):
            adapter = try BilinearAdapter(root / "adapter", inputs: inputs, outputs: outputs, scales: scales)
            simplePyramid = nil
        case .simplePyramid(let inputs, let width, let firstLevel):
            adapter = nil
            simplePyramid = try SimpleFeaturePyramid(
                root / "fpn", inputs: inputs, width: width, firstLevel: firstLevel)
        }
        featurePyramid = simplePyramid == nil ? try FeaturePyramid(root / "fpn", architecture.pyramid) : nil
        proposalNetwork = try RegionProposalNetwork(
            root / "rpn_head", head: architecture.proposalHead, anchors: architecture.anchors,
            architecture.proposals)
        boxHead = try BoxHead(root / "box_head", architecture.boxHead)
        predictor = try RegionPredictor(
            root, width: architecture.boxHead.outputWidth, embeddingWidth: architecture.embeddingWidth,
            design: architecture.predictor)
        maskHead = try architecture.maskHead.map { try MaskHead(root / "mask_head", $0) }
    }

    // MARK: Stages

    /// The adapter's output for the trunk's maps: the pyramid's input, finest first.
    /// - Throws: `DetectionError`, `TorchError`.
    public func adapted(_ trunk: [Tensor]) throws -> [Tensor] {
        if let deconvolution { return try deconvolution(trunk) }
        guard let adapter else { return trunk }
        guard trunk.count == 1 else {
            throw DetectionError("adapter", "takes one map, but the trunk returns \(trunk.count)")
        }
        return try adapter(trunk[0])
    }

    /// The pyramid P2, P3, ... from the trunk's maps, [N, C, H, W] each.
    /// - Throws: `DetectionError`, `TorchError`.
    public func pyramid(_ trunk: [Tensor]) throws -> [Tensor] {
        if let simplePyramid {
            guard trunk.count == 1 else {
                throw DetectionError("pyramid", "takes one map, but the trunk returns \(trunk.count)")
            }
            return try simplePyramid(trunk[0])
        }
        guard let featurePyramid else { return trunk }
        return try featurePyramid(adapted(trunk))
    }

    /// The box head's output for regions.
    public struct RegionOutput: Sendable {
        /// The box head's vectors, [R, width].
        public let vectors: Tensor

        /// The corrections of the regions' boxes, [R, 4] `float32`.
        public let deltas: Tensor

        /// Region embeddings, [R, E] `float32`, not of length 1.
        public let embeddings: Tensor

        /// Creates an output from its parts.
        public init(vectors: Tensor, deltas: Tensor, embeddings: Tensor) {
            self.vectors = vectors
            self.deltas = deltas
            self.embeddings = embeddings
        }

        /// The same with ``deltas`` in main memory, where boxes are worked on.
        func withReadableDeltas() throws -> RegionOutput {
            RegionOutput(vectors: vectors, deltas: try deltas.to(device: .cpu), embeddings: embeddings)
        }
    }

    /// Runs the box head on regions, which may be in main memory while the pyramid is on a device.
    /// - Parameters:
    ///   - pyramid: P2, P3, ...; the box head's levels are the first ones.
    ///   - boxes: The regions of each image.
    /// - Throws: `DetectionError`, `TorchError`.
    public func regions(_ pyramid: [Tensor], boxes: [Boxes]) throws -> RegionOutput {
        let maps = Array(pyramid.prefix(architecture.boxPooler.strides.count))
        let vectors = try boxHead(maps, boxes: boxes, pooler: architecture.boxPooler)
        let (deltas, embeddings) = try predictor(vectors)
        return RegionOutput(vectors: vectors, deltas: deltas, embeddings: embeddings)
    }

    /// The box head's input, [R, C, resolution, resolution].
    /// - Throws: `DetectionError`, `TorchError`.
    public func pooledRegions(_ pyramid: [Tensor], boxes: [Boxes]) throws -> Tensor {
        try architecture.boxPooler(
            Array(pyramid.prefix(architecture.boxPooler.strides.count)), boxes: boxes, format: boxHead.format)
    }

    /// The boxes from deltas, before clipping, [R]; on the device of the given boxes.
    /// - Throws: `DetectionError`, `TorchError`.
    public func decoded(_ deltas: Tensor, from boxes: Boxes) throws -> Boxes {
        try architecture.regionCoder.boxes(deltas.to(device: boxes.device), from: boxes)
    }

    /// Mask logits of regions, [R, 1, S, S] `float32`; nil for a detector of boxes only.
    /// - Throws: `DetectionError`, `TorchError`.
    public func maskLogits(_ pyramid: [Tensor], boxes: [Boxes]) throws -> Tensor? {
        guard let maskHead else { return nil }
        let levels = Array(pyramid.prefix(architecture.maskPooler.strides.count))
        return try maskHead(levels, boxes: boxes, pooler: architecture.maskPooler)
    }
}
