import Torch

/// The trunk of CLIP's ResNets: computes features, which ``AttentionPool`` pools.
///
/// Differs from the usual ResNet in its stem of three convolutions and an average pool, and in using average pools for
/// all striding: before the last convolution of a block and in its shortcut (Radford et al., 2021, section 2.4).
///
/// Parameters: `conv1..3`, `bn1..3`, `layer1..4.N.{conv,bn}1..3`, `layer1..4.0.downsample.{0,1}`.
public struct ModifiedResNet: Sendable {
    /// The sizes of trunk and attention pool.
    public struct Configuration: Sendable, Hashable {
        /// The number of blocks in each of the four stages.
        package var blocks: [Int]
        /// The width of the stem's output; the stages output 4, 8, 16 and 32 times as many channels.
        package var width: Int
        /// The side in pixels of the square images that the attention pool's positions were trained with.
        package var imageSize: Int
        /// The number of the attention pool's heads.
        package var heads: Int
        /// The width E of an embedding.
        package var embeddingWidth: Int
        /// The epsilon of the batch normalizations.
        package var epsilon: Double

        /// Creates a configuration; heads are 64 wide by default.
        package init(
            blocks: [Int], width: Int, imageSize: Int, heads: Int? = nil, embeddingWidth: Int,
            epsilon: Double = 1e-5
        ) {
            self.blocks = blocks
            self.width = width
            self.imageSize = imageSize
            self.heads = heads ?? max(width / 2, 1)
            self.embeddingWidth = embeddingWidth
            self.epsilon = epsilon
        }

        /// The number of channels of C2, C3, C4 and C5.
        package var channels: [Int] { [4, 8, 16, 32].map { $0 * width } }

        /// The number of cells along a side of C5 of a training image, and of the attention pool's input.
        package var gridSize: Int { imageSize / 32 }

        func validate(_ subject: String) throws {
            guard blocks.count == 4 else {
                throw CLIPError(subject, reason: "a ResNet has four stages, not \(blocks.count)")
            }
            for count in blocks { try Limits.check(subject, "number of blocks", count, 1...1_024) }
            try Limits.check(subject, "width", width, 2...4_096)
            try Limits.check(subject, "image size", imageSize, 32...16_384)
            try Limits.check(subject, "number of heads", heads, 1...4_096)
            try Limits.check(subject, "embedding width", embeddingWidth, 1...65_536)
            guard width % 2 == 0, width * 32 % heads == 0 else {
                throw CLIPError(
                    subject,
                    reason: "\(heads) heads must divide 32 times the width \(width), which must be even")
            }
        }
    }

    /// The outputs of the stages, [N, channels, H / stride, W / stride] in the channels-last layout.
    public struct Features: Sendable {
        /// Stride 4.
        package let c2: Tensor
        /// Stride 8.
        package let c3: Tensor
        /// Stride 16.
        package let c4: Tensor
        /// Stride 32.
        package let c5: Tensor

        /// C2 to C5.
        package var all: [Tensor] { [c2, c3, c4, c5] }
    }

    /// The strides in pixels of C2, C3, C4 and C5.
    package static let strides = [4, 8, 16, 32]

    /// The sizes of trunk and attention pool.
    package let configuration: Configuration

    private let stemLayers: [NormalizedConvolution]
    private let stages: [[Bottleneck]]

    /// Declares the trunk.
    /// - Parameter scope: The scope of the image tower, `visual` in a whole CLIP.
    /// - Throws: ``CLIPError`` for impossible sizes, `TorchError` if names are taken.
    package init(_ scope: ParameterScope, _ configuration: Configuration) throws {
        try configuration.validate("image tower")
        let (width, epsilon) = (configuration.width, configuration.epsilon)
        let widths = [3, width / 2, width / 2, width]
        stemLayers = try (1...3).map { index in
            try NormalizedConvolution(
                scope / "conv\(index)", scope / "bn\(index)", inputs: widths[index - 1],
                outputs: widths[index], kernel: 3, stride: index == 1 ? 2 : 1, appliesReLU: true,
                epsilon: epsilon)
        }
        var inputs = width
        stages = try configuration.blocks.enumerated().map { stage, count in
            let middle = width << stage
            return try (0..<count).map { index in
                defer { inputs = middle * Bottleneck.expansion }
                return try Bottleneck(
                    scope / "layer\(stage + 1)" / index, inputs: inputs, middle: middle,
                    stride: index == 0 && stage > 0 ? 2 : 1, epsilon: epsilon)
            }
        }
        self.configuration = configuration
    }

    /// The stem: three convolutions and an average pool, [N, width, H / 4, W / 4].
    /// - Parameter pixels: [N, 3, H, W], normalized.
    /// - Throws: ``CLIPError`` for images with a side under 32 pixels, `TorchError`.
    package func stem(_ pixels: Tensor) throws -> Tensor {
        let shape = pixels.shape
        guard shape.count == 4, shape[1] == 3, shape[2] >= 32, shape[3] >= 32 else {
            throw CLIPError(
                "image tower",
                reason: "pixels must be [N, 3, H, W] with H and W at least 32, not \(shape)")
        }
        let input = try pixels.to(dtype).contiguous(.channelsLast)
        return try stemLayers.reduce(input) { try $1($0) }.averagePool2d(2)
    }

    /// C2 to C5 of images.
    /// - Parameter pixels: [N, 3, H, W], normalized.
    /// - Throws: The errors of ``stem(_:)``.
    package func features(of pixels: Tensor) throws -> Features {
        var outputs: [Tensor] = []
        var map = try stem(pixels)
        for stage in stages {
            map = try stage.reduce(map) { try $1($0) }
            outputs.append(map)
        }
        return Features(c2: outputs[0], c3: outputs[1], c4: outputs[2], c5: outputs[3])
    }

    /// C5 at the stride of C4: the last stage runs four times, once for each offset of its 2 x 2 pool, and the results
    /// are interleaved. Every other cell of every other row is C5's own.
    ///
    /// Exact for any number of blocks, whereas dilated convolutions would need a stage of their own, except at the
    /// borders: those of a shifted map are padded like any map's. Cell k is at position k + 1/2 of a map of stride 16.
    /// - Parameter c4: C4 from ``features(of:)``, [N, channels, H, W].
    /// - Returns: [N, channels of C5, H, W], H and W rounded down to even numbers.
    /// - Throws: `TorchError`.
    package func denseC5(_ c4: Tensor) throws -> Tensor {
        let (height, width) = (try c4.size(2), try c4.size(3))
        // The last row and column are repeated beyond the border.
        let padded = try c4.padded([0, 1, 0, 1], .replicate)
        let rows = try (0..<2).map { vertical in
            let columns = try (0..<2).map { horizontal in
                let start = try padded.narrowed(2, start: vertical, length: height)
                    .narrowed(3, start: horizontal, length: width).contiguous(.channelsLast)
                return try stages[3].reduce(start) { try $1($0) }
            }
            return try Tensor.stack(columns, dimension: 4).flattened(from: 3)
        }
        return try Tensor.stack(rows, dimension: 3).flattened(from: 2, to: 3)
    }

    private var dtype: DType { stemLayers[0].dtype }
}

/// A block of the trunk.
struct Bottleneck: Sendable {
    static let expansion = 4

    private let layers: [NormalizedConvolution]
    private let shortcut: NormalizedConvolution?
    private let stride: Int

    init(_ scope: ParameterScope, inputs: Int, middle: Int, stride: Int, epsilon: Double) throws {
        func layer(_ index: Int, _ inputs: Int, _ outputs: Int, kernel: Int) throws -> NormalizedConvolution {
            try NormalizedConvolution(
                scope / "conv\(index)", scope / "bn\(index)", inputs: inputs, outputs: outputs,
                kernel: kernel,
                appliesReLU: index < 3, epsilon: epsilon)
        }
        let outputs = middle * Self.expansion
        layers = [
            try layer(1, inputs, middle, kernel: 1), try layer(2, middle, middle, kernel: 3),
            try layer(3, middle, outputs, kernel: 1),
        ]
        shortcut =
            stride > 1 || inputs != outputs
            ? try NormalizedConvolution(
                scope / "downsample" / 0, scope / "downsample" / 1, inputs: inputs, outputs: outputs,
                kernel: 1, appliesReLU: false, epsilon: epsilon)
            : nil
        self.stride = stride
    }

    func callAsFunction(_ input: Tensor) throws -> Tensor {
        func pooled(_ map: Tensor) throws -> Tensor {
            stride > 1 ? try map.averagePool2d(Size2D(stride)) : map
        }
        let hidden = try layers[1](layers[0](input, for: layers[1]), for: stride > 1 ? nil : layers[2])
        let output = try layers[2](pooled(hidden))
        try output.addInPlace(shortcut.map { try $0(pooled(input)) } ?? input)
        try output.reluInPlace()
        return output
    }
}
