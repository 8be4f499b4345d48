/// Predicts one class-agnostic mask per pooled region (He et al., 2017).
///
/// 3x3 convolutions with ReLU, a transposed convolution that doubles the size, a 1x1 convolution. Parameters:
/// `mask_fcn1` ..., each with a `norm`, `deconv`, `predictor`, as in detectron2.
public struct MaskHead: Sendable {
    /// The architecture of a mask head.
    public struct Configuration: Sendable, Hashable {
        /// Channels of pooled regions.
        public var channels: Int

        /// Channels of each 3x3 convolution.
        public var convolutions: [Int]

        /// Channels of the transposed convolution.
        public var width: Int

        /// The normalization after each of these convolutions.
        public var normalization: Normalization

        /// Whether convolutions have a bias.
        public var hasBias: Bool

        /// Whether the transposed convolution is normalized too; otherwise it has a bias in any case.
        public var normalizesEnlarging = true

        /// Creates detectron2's configuration for mask_rcnn_R_50_FPN.
        /// - Parameters:
        ///   - channels: The channels of the pooled maps.
        ///   - convolutions: The widths of the convolutions.
        ///   - width: The width of the upsampling layer.
        ///   - normalization: What follows each convolution.
        ///   - hasBias: Defaults to detectron2's rule: true where nothing is normalized.
        public init(
            channels: Int = 256, convolutions: [Int] = [256, 256, 256, 256], width: Int = 256,
            normalization: Normalization = .none, hasBias: Bool? = nil
        ) {
            self.channels = channels
            self.convolutions = convolutions
            self.width = width
            self.normalization = normalization
            self.hasBias = hasBias ?? (normalization == .none)
        }

        /// The published F-VLM's configuration: all normalized, with biases.
        public static func published(channels: Int = 256) -> Configuration {
            Configuration(
                channels: channels, convolutions: [Int](repeating: channels, count: 4), width: channels,
                normalization: .published, hasBias: true)
        }

        /// F-ViT's: batch normalization after each convolution but the transposed one.
        public static func fvit(channels: Int = 256) -> Configuration {
            var configuration = Configuration(
                channels: channels, convolutions: [Int](repeating: channels, count: 4), width: channels,
                normalization: .batch())
            configuration.normalizesEnlarging = false
            return configuration
        }
    }

    /// The architecture of the head.
    package let configuration: Configuration

    /// From pooled regions to windows of the upsampling layer.
    private let layers: [NormalizedLayer]
    private let enlarging: ConvTranspose2d
    private let predictor: Conv2d

    /// Declares a head.
    /// - Throws: `TorchError` if names are taken.
    public init(_ scope: ParameterScope, _ configuration: Configuration) throws {
        self.configuration = configuration
        var channels = configuration.channels
        var layers: [NormalizedLayer] = []
        for (place, outputs) in configuration.convolutions.enumerated() {
            layers.append(
                try NormalizedLayer.convolution(
                    scope / "mask_fcn\(place + 1)", inputs: channels, outputs: outputs, kernel: 3,
                    bias: configuration.hasBias, normalization: configuration.normalization,
                    activation: .relu, initializer: .caffe2MSRA))
            channels = outputs
        }
        let deconv = scope / "deconv"
        enlarging = try ConvTranspose2d(
            deconv, inputs: channels, outputs: configuration.width, kernel: 2, stride: 2,
            bias: configuration.hasBias || !configuration.normalizesEnlarging, initializer: .caffe2MSRA,
            biasInitializer: .zeros)
        let normalization = configuration.normalizesEnlarging ? configuration.normalization : .none
        let norm = try normalization.layer(deconv / "norm", channels: configuration.width)
        layers.append(
            NormalizedLayer(layer: Windows(enlarging: enlarging), norm: norm, activation: .relu))
        predictor = try Conv2d(
            scope / "predictor", inputs: configuration.width, outputs: 1, kernel: 1,
            initializer: .normal(standardDeviation: 0.001), biasInitializer: .zeros)
        self.layers = layers
    }

    /// Mask logits [R, 1, 2 S, 2 S] for pooled regions [R, C, S, S], `float32`. Without regions the result is empty,
    /// and statistics do not change.
    public func callAsFunction(_ pooled: Tensor) throws -> Tensor {
        guard pooled.rank == 4, pooled.shape[1] == configuration.channels else {
            throw DetectionError("MaskHead", "\(pooled.summary) is not [R, \(configuration.channels), S, S]")
        }
        // Of a batch that several processes share, one without regions takes part in the others' statistics.
        guard try SharedBatch.total(pooled.shape[0]) > 0 else {
            return try Tensor.zeros([0, 1, 2 * pooled.shape[2], 2 * pooled.shape[3]], device: pooled.device)
        }
        return try enlarging.assembled(logits(NormalizedLayer.chain(layers, pooled)).to(.float32))
    }

    /// The logits of windows, in the element type of these: a product of bytes gives halves where they are fast.
    private func logits(_ windows: Tensor) throws -> Tensor {
        let type = try windows.dtype
        guard !isAutocasting, try type != predictor.weight.value.dtype else { return try predictor(windows) }
        return try windows.conv2d(predictor.weight.value.to(type), predictor.bias?.value.to(type))
    }

    /// Mask logits of the regions of a pyramid; see ``callAsFunction(_:)``. A head that computes in bytes takes some regions
    /// at a time, so that what it makes bytes of is still in the caches.
    /// - Parameters:
    ///   - maps: [N, C, H, W] for each of the pooler's strides.
    ///   - boxes: The regions of each of the N images.
    package func callAsFunction(_ maps: [Tensor], boxes: [Boxes], pooler: RegionPooler) throws -> Tensor {
        guard let first = layers.first, first.isInBytes else { return try self(pooler(maps, boxes: boxes)) }
        return try pooler.inParts(maps, boxes: boxes, bytes: 8 << 20) { try self($0) }
    }

    /// Normalization, ReLU and predictor work on single pixels, so only the final logits are rearranged, not all
    /// channels.
    private struct Windows: ProductLayer {
        let enlarging: ConvTranspose2d

        func callAsFunction(_ input: Tensor) throws -> Tensor { try enlarging.windows(input) }

        var form: ProductForm { enlarging.form }

        func rectified(_ input: Tensor) throws -> Tensor { try rectified(input, for: nil) }

        func rectified(_ input: Tensor, for next: ProductForm?) throws -> Tensor {
            try enlarging.windows(input, rectified: true, type: EightBitSupport.resultType)
        }
    }
}
