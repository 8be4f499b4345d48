/// The convolutions of a region proposal network (Ren et al., 2015), shared by all levels of a pyramid.
///
/// Parameters: `conv` (or `conv1`, `conv2`), `objectness_logits`, `anchor_deltas`, as in detectron2; norms below the
/// convolution: `norm`, or `norm.p2` ... if every level has its own.
public struct RegionProposalHead: Sendable {
    /// The architecture of a proposal head.
    public struct Configuration: Sendable, Hashable {
        /// Channels of the pyramid.
        public var width: Int

        /// Anchors per cell.
        public var anchorsPerCell: Int

        /// 3x3 convolutions before the predictions.
        public var convolutions: Int

        /// The normalization after each of these convolutions.
        public var normalization: Normalization

        /// Levels with a normalization of their own; empty if all share one.
        public var normalizedLevels: [Int]

        /// Whether the convolutions have a bias.
        public var hasBias: Bool

        /// Creates a configuration; by default detectron2's: one convolution, no normalization.
        public init(
            width: Int = 256, anchorsPerCell: Int = 3, convolutions: Int = 1,
            normalization: Normalization = .none, normalizedLevels: [Int] = [], hasBias: Bool = true
        ) {
            self.width = width
            self.anchorsPerCell = anchorsPerCell
            self.convolutions = convolutions
            self.normalization = normalization
            self.normalizedLevels = normalizedLevels
            self.hasBias = hasBias
        }

        /// The published F-VLM's configuration: two convolutions, a batch normalization for each level after each.
        public static func published(width: Int = 256, levels: [Int] = [2, 3, 4, 5, 6]) -> Configuration {
            Configuration(
                width: width, convolutions: 2, normalization: .published, normalizedLevels: levels)
        }
    }

    /// The predictions, level by level.
    package struct Predictions: Sendable {
        /// [N, A, H, W] each.
        package let logits: [Tensor]

        /// [N, 4 A, H, W] each, the four deltas of the first anchor first.
        package let deltas: [Tensor]

        /// Creates predictions from the levels of a pyramid.
        package init(logits: [Tensor], deltas: [Tensor]) {
            self.logits = logits
            self.deltas = deltas
        }
    }

    /// The architecture of the head.
    package let configuration: Configuration

    private let convolutions: [Conv2d]
    /// By convolution, then by level, or a single one for all levels.
    private let norms: [[any UnaryLayer]]
    private let logits: Conv2d
    private let deltas: Conv2d

    /// Declares a head.
    /// - Throws: ``DetectionError`` without convolutions; `TorchError` if names are taken.
    package init(_ scope: ParameterScope, _ configuration: Configuration) throws {
        guard configuration.convolutions > 0, configuration.anchorsPerCell > 0 else {
            throw DetectionError(
                "RegionProposalHead", "needs at least one convolution and one anchor per cell")
        }
        self.configuration = configuration
        let width = configuration.width
        let names =
            configuration.convolutions == 1 ? ["conv"] : (1...configuration.convolutions).map { "conv\($0)" }
        let small = Initializer.normal(standardDeviation: 0.01)
        convolutions = try names.map { name in
            try Conv2d(
                scope / name, inputs: width, outputs: width, kernel: 3, padding: 1,
                bias: configuration.hasBias, initializer: small, biasInitializer: .zeros, strategy: .winograd)
        }
        norms = try names.map { name in
            let norm = scope / name / "norm"
            let places =
                configuration.normalizedLevels.isEmpty
                ? [norm] : configuration.normalizedLevels.map { norm / "p\($0)" }
            return try places.compactMap { try configuration.normalization.layer($0, channels: width) }
        }
        func predictor(_ name: String, _ outputs: Int) throws -> Conv2d {
            try Conv2d(
                scope / name, inputs: width, outputs: outputs, kernel: 1, initializer: small,
                biasInitializer: .zeros)
        }
        logits = try predictor("objectness_logits", configuration.anchorsPerCell)
        deltas = try predictor("anchor_deltas", 4 * configuration.anchorsPerCell)
    }

    /// Predicts for maps [N, C, H, W]; logits and deltas are `float32`.
    /// - Throws: ``DetectionError`` if levels have their own norms and the number of maps differs; `TorchError`.
    package func callAsFunction(_ features: [Tensor]) throws -> Predictions {
        if let own = norms.first, own.count > 1, own.count != features.count {
            throw DetectionError(
                "RegionProposalHead", "has norms for \(own.count) levels, but there are \(features.count)")
        }
        var predictions: (logits: [Tensor], deltas: [Tensor]) = ([], [])
        for (level, map) in features.enumerated() {
            var hidden = map
            for (convolution, norms) in zip(convolutions, norms) {
                guard !norms.isEmpty else {
                    hidden = try convolution.rectified(hidden)
                    continue
                }
                hidden = try norms[norms.count > 1 ? level : 0](convolution(hidden)).relu()
            }
            predictions.logits.append(try logits(hidden).to(.float32))
            predictions.deltas.append(try deltas(hidden).to(.float32))
        }
        return Predictions(logits: predictions.logits, deltas: predictions.deltas)
    }
}

extension RegionProposalHead.Predictions {
    /// Rows and columns of every level.
    var grids: [Size2D] { logits.map { Size2D($0.shape[2], $0.shape[3]) } }

    /// Logits [N, H W A] in the order of anchors.
    func flatLogits(_ level: Int) throws -> Tensor {
        try logits[level].permuted([0, 2, 3, 1]).flattened(from: 1)
    }

    /// Deltas [N, H W A, 4] in the order of anchors.
    func flatDeltas(_ level: Int) throws -> Tensor {
        let shape = deltas[level].shape
        return try deltas[level].reshaped([shape[0], shape[1] / 4, 4, shape[2], shape[3]])
            .permuted([0, 3, 4, 1, 2]).reshaped([shape[0], -1, 4])
    }

    func validate(anchorsPerCell: Int, batch: Int) throws {
        guard logits.count == deltas.count,
            zip(logits, deltas).allSatisfy({ logits, deltas in
                let shape = logits.shape
                return shape.count == 4 && shape[0] == batch && shape[1] == anchorsPerCell
                    && deltas.shape == [batch, 4 * anchorsPerCell, shape[2], shape[3]]
            })
        else {
            throw DetectionError(
                "RegionProposalNetwork",
                "predictions are not [\(batch), \(anchorsPerCell), H, W] and "
                    + "[\(batch), \(4 * anchorsPerCell), H, W] on every level")
        }
    }
}
