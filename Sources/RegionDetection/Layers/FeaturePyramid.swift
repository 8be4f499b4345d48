// Letters for shapes in this folder: N images, C channels, H and W rows and columns of a map.

/// A feature pyramid network (Lin et al., 2017): maps of several strides and equal width, each enriched with
/// information from the coarser ones.
///
/// Parameters are named as in detectron2: `fpn_lateral2` ... for the 1x1 convolutions, `fpn_output2` ... for the 3x3
/// ones, each with a `norm`; the number is the level, 2 for stride 4.
public struct FeaturePyramid: Sendable {
    /// The source of the level above the trunk's coarsest.
    public enum LastLevel: String, Sendable, Hashable {
        /// There is none.
        case none
        /// Every second row and column of the coarsest output, as in detectron2.
        case maxPool
        /// A 3x3 convolution of stride 2 over the coarsest output before normalization, padded with zeros only after
        /// the last row and column if these are even in number: the published F-VLM's.
        case convolution
    }

    /// The architecture of a pyramid.
    public struct Configuration: Sendable, Hashable {
        /// Channels of the trunk's maps, finest first.
        public var inputs: [Int]

        /// Channels of every output.
        public var width: Int

        /// The level of the first map: 2 for stride 4.
        public var firstLevel: Int

        /// The normalization of outputs.
        public var normalization: Normalization

        /// Whether the lateral convolutions are normalized in the same way.
        public var normalizesLaterals: Bool

        /// Whether convolutions have a bias.
        public var hasBias: Bool

        /// The level above.
        public var lastLevel: LastLevel

        /// The initializer of weights.
        var initializer: Initializer { lastLevel == .convolution ? .lecunNormal : .caffe2Xavier }

        /// Creates a configuration.
        /// - Parameters:
        ///   - inputs: The channels of the trunk's maps, finest first.
        ///   - width: The channels of every result.
        ///   - firstLevel: The level of the finest map: 2 for stride 4.
        ///   - normalization: What follows each convolution.
        ///   - normalizesLaterals: Defaults to detectron2's rule: true where outputs are normalized.
        ///   - hasBias: Defaults to detectron2's rule: true where nothing is normalized.
        ///   - lastLevel: How the map beyond the coarsest is made.
        public init(
            inputs: [Int], width: Int = 256, firstLevel: Int = 2, normalization: Normalization = .none,
            normalizesLaterals: Bool? = nil, hasBias: Bool? = nil, lastLevel: LastLevel = .maxPool
        ) {
            self.inputs = inputs
            self.width = width
            self.firstLevel = firstLevel
            self.normalization = normalization
            self.normalizesLaterals = normalizesLaterals ?? (normalization != .none)
            self.hasBias = hasBias ?? (normalization == .none)
            self.lastLevel = lastLevel
        }

        /// The published F-VLM's configuration: a batch normalization for every output, P6 by convolution, no biases.
        public static func published(inputs: [Int], width: Int = 256) -> Configuration {
            Configuration(
                inputs: inputs, width: width, normalization: .published, normalizesLaterals: false,
                hasBias: false, lastLevel: .convolution)
        }
    }

    /// The architecture of the pyramid.
    package let configuration: Configuration

    private let laterals: [NormalizedLayer]
    private let outputs: [Conv2d]
    private let norms: [(any UnaryLayer)?]
    private let last: Conv2d?

    /// Declares a pyramid.
    /// - Throws: ``DetectionError`` without inputs; `TorchError` if names are taken.
    public init(_ scope: ParameterScope, _ configuration: Configuration) throws {
        guard !configuration.inputs.isEmpty, configuration.firstLevel >= 0 else {
            throw DetectionError("FeaturePyramid", "needs at least one map of a level from 0 on")
        }
        self.configuration = configuration
        let (width, levels) = (configuration.width, configuration.trunkLevels)
        let (bias, initializer) = (configuration.hasBias, configuration.initializer)
        laterals = try zip(levels, configuration.inputs).map { level, inputs in
            try NormalizedLayer.convolution(
                scope / "fpn_lateral\(level)", inputs: inputs, outputs: width, kernel: 1, bias: bias,
                normalization: configuration.normalizesLaterals ? configuration.normalization : .none,
                initializer: initializer)
        }
        func output(_ level: Int, stride: Size2D, padding: Size2D) throws -> Conv2d {
            try Conv2d(
                scope / "fpn_output\(level)", inputs: width, outputs: width, kernel: 3, stride: stride,
                padding: padding, bias: bias, initializer: initializer, biasInitializer: .zeros,
                strategy: .winograd)
        }
        outputs = try levels.map { try output($0, stride: 1, padding: 1) }
        let lastConvolution = configuration.lastLevel == .convolution ? levels.last.map { $0 + 1 } : nil
        last = try lastConvolution.map { try output($0, stride: 2, padding: 0) }
        norms = try (levels + (lastConvolution.map { [$0] } ?? [])).map { level in
            try configuration.normalization.layer(scope / "fpn_output\(level)" / "norm", channels: width)
        }
    }

    /// Computes the pyramid.
    /// - Parameter features: The trunk's maps [N, inputs, H, W], finest first, each about half the size of the one before.
    /// - Returns: Maps [N, width, H, W], finest first, with the last level at the end.
    /// - Throws: ``DetectionError`` if the number of maps is wrong; `TorchError`.
    public func callAsFunction(_ features: [Tensor]) throws -> [Tensor] {
        guard features.count == laterals.count else {
            throw DetectionError(
                "FeaturePyramid", "takes \(laterals.count) maps, but there are \(features.count)")
        }
        var merged: [Tensor] = []
        for (lateral, map) in zip(laterals, features).reversed() {
            var sum = try lateral(map)
            if let coarser = merged.last {
                sum = try sum + coarser.interpolated(to: Size2D(sum.shape[2], sum.shape[3]), .nearest)
            }
            merged.append(sum)
        }
        var plain = try zip(outputs, merged.reversed()).map { try $0($1) }
        if let last, let coarsest = plain.last {
            let (height, width) = (coarsest.shape[2], coarsest.shape[3])
            let sides = [1 - (width + 1) % 2, 1, 1 - (height + 1) % 2, 1]
            plain.append(try last(coarsest.padded(sides)))
        }
        var result = try zip(plain, norms).map { map, norm in try norm.map { try $0(map) } ?? map }
        if configuration.lastLevel == .maxPool, let coarsest = result.last {
            result.append(try coarsest.maxPool2d(1, stride: 2))
        }
        return result
    }
}

extension FeaturePyramid.Configuration {
    /// Levels that come from the trunk.
    var trunkLevels: [Int] { inputs.indices.map { firstLevel + $0 } }

    /// The strides of all outputs in pixels of the image.
    package var strides: [Int] {
        let count = inputs.count + (lastLevel == .none ? 0 : 1)
        return (0..<count).map { 1 << (firstLevel + $0) }
    }
}
