// Letters for shapes in this folder: R regions, C channels, E width of text embeddings, K classes with the background
// in row 0, S cells per side of a mask.

/// Computes one vector per pooled region: convolutions, then fully connected layers, each with ReLU.
///
/// Parameters: `conv1` ..., `fc1` ..., each with a `norm`, as in detectron2.
public struct BoxHead: Sendable {
    /// The architecture of a box head.
    public struct Configuration: Sendable, Hashable {
        /// Channels of pooled regions.
        public var channels: Int

        /// Rows and columns of pooled regions.
        public var resolution: Int

        /// Channels of each 3x3 convolution.
        public var convolutions: [Int]

        /// Widths of the fully connected layers.
        public var fullyConnected: [Int]

        /// The normalization of convolutions.
        public var normalization: Normalization

        /// Whether fully connected layers are normalized too.
        public var normalizesFullyConnected: Bool

        /// Whether convolutions have a bias.
        public var hasBias: Bool

        /// Creates detectron2's configuration for mask_rcnn_R_50_FPN: two fully connected layers.
        /// - Parameters:
        ///   - channels: The channels of the pooled maps.
        ///   - resolution: Rows and columns of a pooled region.
        ///   - convolutions: The widths of the convolutions.
        ///   - fullyConnected: The widths of the fully connected layers.
        ///   - normalization: What follows each convolution.
        ///   - normalizesFullyConnected: Whether `normalization` follows the fully connected layers too.
        ///   - hasBias: Defaults to detectron2's rule: true where nothing is normalized.
        public init(
            channels: Int = 256, resolution: Int = 7, convolutions: [Int] = [],
            fullyConnected: [Int] = [1024, 1024], normalization: Normalization = .none,
            normalizesFullyConnected: Bool = false, hasBias: Bool? = nil
        ) {
            self.channels = channels
            self.resolution = resolution
            self.convolutions = convolutions
            self.fullyConnected = fullyConnected
            self.normalization = normalization
            self.normalizesFullyConnected = normalizesFullyConnected
            self.hasBias = hasBias ?? (normalization == .none)
        }

        /// The published F-VLM's configuration: four convolutions and one fully connected layer, all normalized.
        public static func published(channels: Int = 256, width: Int = 1024) -> Configuration {
            Configuration(
                channels: channels, convolutions: [Int](repeating: channels, count: 4),
                fullyConnected: [width], normalization: .published, normalizesFullyConnected: true,
                hasBias: true)
        }

        /// F-ViT's: four convolutions with batch normalization and two fully connected layers.
        public static func fvit(channels: Int = 256, width: Int = 512) -> Configuration {
            Configuration(
                channels: channels, convolutions: [Int](repeating: channels, count: 4),
                fullyConnected: [width, width], normalization: .batch())
        }

        /// The width of the vectors.
        package var outputWidth: Int {
            fullyConnected.last ?? (convolutions.last ?? channels) * resolution * resolution
        }
    }

    /// The architecture of the head.
    package let configuration: Configuration

    private let convolutions: [NormalizedLayer]
    private let fullyConnected: [NormalizedLayer]

    /// Declares a head.
    /// - Throws: `TorchError` if names are taken.
    public init(_ scope: ParameterScope, _ configuration: Configuration) throws {
        self.configuration = configuration
        var channels = configuration.channels
        convolutions = try configuration.convolutions.enumerated().map { place, outputs in
            defer { channels = outputs }
            return try NormalizedLayer.convolution(
                scope / "conv\(place + 1)", inputs: channels, outputs: outputs, kernel: 3,
                bias: configuration.hasBias, normalization: configuration.normalization, activation: .relu,
                initializer: .caffe2MSRA)
        }
        var width = channels * configuration.resolution * configuration.resolution
        let normalization = configuration.normalizesFullyConnected ? configuration.normalization : .none
        fullyConnected = try configuration.fullyConnected.enumerated().map { place, outputs in
            defer { width = outputs }
            let name = scope / "fc\(place + 1)"
            return NormalizedLayer(
                layer: try Linear(
                    name, inputs: width, outputs: outputs,
                    initializer: normalization == .none ? .caffe2Xavier : .xavierUniform(),
                    biasInitializer: .zeros),
                norm: try normalization.layer(name / "norm", channels: outputs), activation: .relu)
        }
    }

    /// The preferred memory layout of pooled regions: flattening channels-last maps would copy them.
    public var format: MemoryFormat { convolutions.isEmpty ? .contiguous : .channelsLast }

    /// Computes vectors [R, outputWidth] from pooled regions [R, C, resolution, resolution].
    ///
    /// Without regions the result is empty, and statistics do not change.
    public func callAsFunction(_ pooled: Tensor) throws -> Tensor {
        guard pooled.rank == 4, pooled.shape[1] == configuration.channels,
            pooled.shape[2] == configuration.resolution, pooled.shape[3] == configuration.resolution
        else {
            let side = configuration.resolution
            throw DetectionError(
                "BoxHead", "\(pooled.summary) is not [R, \(configuration.channels), \(side), \(side)]")
        }
        guard pooled.shape[0] > 0 else {
            return try Tensor.zeros([0, configuration.outputWidth], device: pooled.device)
        }
        let maps = try NormalizedLayer.chain(convolutions, pooled)
        return try NormalizedLayer.chain(fullyConnected, maps.flattened(from: 1))
    }
}

extension BoxHead {
    /// Computes vectors [R, outputWidth] from the regions of a pyramid; see ``callAsFunction(_:)``.
    ///
    /// While gradients are recorded, pooled regions are not kept for a head that begins with a linear layer. A head that
    /// computes in bytes takes some regions at a time, so that what it makes bytes of is still in the caches.
    /// - Parameters:
    ///   - maps: [N, C, H, W] for each of the pooler's strides.
    ///   - boxes: The regions of each of the N images.
    package func callAsFunction(_ maps: [Tensor], boxes: [Boxes], pooler: RegionPooler) throws -> Tensor {
        if let first = convolutions.first ?? fullyConnected.first, first.isInBytes {
            return try pooler.inParts(maps, boxes: boxes, format: format) { try self($0) }
        }
        guard isRecordingGradients, convolutions.isEmpty, let first = fullyConnected.first,
            first.norm == nil, let linear = first.layer as? Linear, boxes.contains(where: { $0.count > 0 }),
            let map = maps.first, map.device == .cpu, try [.float32, .bfloat16].contains(map.dtype)
        else { return try self(pooler(maps, boxes: boxes, format: format)) }
        let vectors = try PooledLinear(pooler, boxes: boxes)(
            maps, weight: linear.weight.value, bias: linear.bias?.value)
        return try fullyConnected.dropFirst().reduce(vectors.relu()) { try $1($0) }
    }
}

/// Predicts a box correction and a content embedding from a region's vector.
///
/// Boxes do not depend on the class. In place of a classifier there is an embedding of the texts' width, to be compared
/// by ``TextClassifier``. Parameters: `bbox_pred` (`weight` [4, width], `bias`), `projection` (`weight` [E, width]); with
/// the design ``Design/layers`` also `bbox_fc` (`weight` [width, width], `bias`) and the `bias` of `projection`.
public struct RegionPredictor: Sendable {
    /// What stands between a region's vector and what is predicted.
    public enum Design: String, Sendable, Hashable {
        /// Nothing.
        case linear
        /// A fully connected layer with ReLU before the deltas, and a ReLU after the embedding: F-ViT's, whose embeddings
        /// have no negative numbers.
        case layers
    }

    private let boxLayer: Linear?
    private let boxes: Linear
    private let projection: Linear

    /// Declares a predictor.
    /// - Parameters:
    ///   - scope: The node of the parameter tree that the layer declares its parameters in.
    ///   - width: The width of the regions' vectors.
    ///   - embeddingWidth: The width of the text embeddings.
    ///   - design: What stands between vector and predictions.
    /// - Throws: `TorchError` if names are taken.
    public init(_ scope: ParameterScope, width: Int, embeddingWidth: Int, design: Design = .linear) throws {
        let hasLayers = design == .layers
        boxLayer =
            hasLayers
            ? try Linear(
                scope / "bbox_fc", inputs: width, outputs: width, initializer: .caffe2Xavier,
                biasInitializer: .zeros) : nil
        boxes = try Linear(
            scope / "bbox_pred", inputs: width, outputs: 4, initializer: .normal(standardDeviation: 0.001),
            biasInitializer: .zeros)
        // Behind a ReLU small weights would leave an embedding near zero, whose direction says nothing.
        projection = try Linear(
            scope / "projection", inputs: width, outputs: embeddingWidth, bias: hasLayers,
            initializer: hasLayers ? .caffe2Xavier : .normal(standardDeviation: 0.01),
            biasInitializer: .zeros)
    }

    /// Deltas [R, 4] and embeddings [R, E], not normalized, from vectors [R, width]; `float32`.
    public func callAsFunction(_ vectors: Tensor) throws -> (deltas: Tensor, embeddings: Tensor) {
        guard let boxLayer else {
            return (try boxes(vectors).to(.float32), try projection(vectors).to(.float32))
        }
        return (
            try boxes(boxLayer(vectors).relu()).to(.float32), try projection(vectors).relu().to(.float32)
        )
    }
}
