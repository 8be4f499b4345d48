import Torch

/// The architecture of a CLIP: its image tower and its text tower.
///
/// Read from a `config.json` of transformers, an `open_clip_config.json`, or the shapes of a checkpoint's tensors; see
/// `init(huggingFace:)`, `init(openCLIP:)`,
/// `init(inferredFrom:prefix:format:activation:)`.
public struct CLIPConfiguration: Sendable, Hashable {
    /// The image tower.
    public enum Vision: Sendable, Hashable {
        /// Patches and a transformer.
        case transformer(VisionTransformer.Configuration)
        /// OpenAI's modified ResNet with its attention pool.
        case resNet(ModifiedResNet.Configuration)

        /// The side in pixels of the square training images.
        public var imageSize: Int {
            switch self {
            case .transformer(let configuration): configuration.imageSize
            case .resNet(let configuration): configuration.imageSize
            }
        }

        /// The width E of an image embedding.
        public var embeddingWidth: Int {
            switch self {
            case .transformer(let configuration): configuration.embeddingWidth
            case .resNet(let configuration): configuration.embeddingWidth
            }
        }
    }

    /// The image tower.
    public var vision: Vision

    /// The text tower.
    public var text: TextTransformer.Configuration

    /// Creates a configuration from two towers.
    package init(vision: Vision, text: TextTransformer.Configuration) {
        self.vision = vision
        self.text = text
    }

    /// The width E of the shared embedding space.
    public var embeddingWidth: Int { text.embeddingWidth }

    /// Rejects a configuration that cannot be built.
    /// - Throws: ``CLIPError`` naming the size.
    package func validate(_ subject: String = "CLIP configuration") throws {
        switch vision {
        case .transformer(let configuration): try configuration.validate("\(subject), image tower")
        case .resNet(let configuration): try configuration.validate("\(subject), image tower")
        }
        try text.validate("\(subject), text tower")
        guard vision.embeddingWidth == text.embeddingWidth else {
            throw CLIPError(
                subject,
                reason: "images embed into \(vision.embeddingWidth) dimensions, texts into "
                    + "\(text.embeddingWidth)")
        }
    }
}

// MARK: Published models

// Radford et al., 2021, tables 18 to 20; the attention heads are 64 wide in all of them.
extension CLIPConfiguration {
    /// OpenAI's ResNet-50.
    package static let resNet50 = resNet(
        blocks: [3, 4, 6, 3], width: 64, imageSize: 224, embeddingWidth: 1_024, textWidth: 512)

    /// OpenAI's ResNet-50 scaled to 4 times the compute.
    package static let resNet50x4 = resNet(
        blocks: [4, 6, 10, 6], width: 80, imageSize: 288, embeddingWidth: 640, textWidth: 640)

    /// OpenAI's ViT-B/32.
    package static let viTB32 = CLIPConfiguration(
        vision: .transformer(
            .init(
                transformer: .init(width: 768, depth: 12, activation: .quickGELU), patchSize: 32,
                imageSize: 224, embeddingWidth: 512)),
        text: text(width: 512, embeddingWidth: 512))

    /// A ResNet with the text tower that OpenAI trained with it.
    package static func resNet(
        blocks: [Int], width: Int, imageSize: Int, embeddingWidth: Int, textWidth: Int
    ) -> CLIPConfiguration {
        CLIPConfiguration(
            vision: .resNet(
                .init(blocks: blocks, width: width, imageSize: imageSize, embeddingWidth: embeddingWidth)),
            text: text(width: textWidth, embeddingWidth: embeddingWidth))
    }

    private static func text(width: Int, embeddingWidth: Int) -> TextTransformer.Configuration {
        .init(
            transformer: .init(width: width, depth: 12, activation: .quickGELU),
            embeddingWidth: embeddingWidth)
    }
}

// MARK: EVA-02 and Perception Encoder

extension CLIPConfiguration {
    /// EVA-02 CLIP B/16 (Sun et al., 2023).
    package static let eva02B16 = eva02(
        width: 768, depth: 12, patchSize: 16, imageSize: 224, text: geluText(width: 512, embeddingWidth: 512))

    /// EVA-02 CLIP L/14 at 336 pixels.
    package static let eva02L14 = eva02(
        width: 1024, depth: 24, patchSize: 14, imageSize: 336,
        text: geluText(width: 768, embeddingWidth: 768))

    /// An EVA-02 with heads of 64 places.
    package static func eva02(
        width: Int, depth: Int, patchSize: Int, imageSize: Int, text: TextTransformer.Configuration
    ) -> CLIPConfiguration {
        CLIPConfiguration(
            vision: .transformer(
                .init(
                    .eva02,
                    transformer: .init(
                        width: width, depth: depth, hiddenWidth: Int(Double(width) * 2.6667),
                        activation: .silu, epsilon: 1e-6),
                    patchSize: patchSize, imageSize: imageSize, embeddingWidth: text.embeddingWidth)),
            text: text)
    }

    // Bolya et al., 2025, table 2, and the configurations of OpenCLIP for T and S.

    /// PE-Core T/16 at 384 pixels.
    package static let perceptionEncoderT16 = perceptionEncoder(
        width: 192, depth: 12, patchSize: 16, imageSize: 384,
        text: geluText(width: 512, embeddingWidth: 512, contextLength: 32))

    /// PE-Core S/16 at 384 pixels.
    package static let perceptionEncoderS16 = perceptionEncoder(
        width: 384, depth: 12, patchSize: 16, imageSize: 384,
        text: geluText(width: 512, embeddingWidth: 512, contextLength: 32))

    /// PE-Core B/16.
    package static let perceptionEncoderB16 = perceptionEncoder(
        width: 768, depth: 12, patchSize: 16, imageSize: 224,
        text: geluText(width: 1024, depth: 24, embeddingWidth: 1024, contextLength: 32))

    /// PE-Core L/14 at 336 pixels.
    package static let perceptionEncoderL14 = perceptionEncoder(
        width: 1024, depth: 24, patchSize: 14, imageSize: 336,
        text: geluText(width: 1024, depth: 24, embeddingWidth: 1024, contextLength: 32))

    /// PE-Core G/14 at 448 pixels.
    package static let perceptionEncoderG14 = perceptionEncoder(
        width: 1536, depth: 50, heads: 16, hiddenWidth: 8960, patchSize: 14, imageSize: 448,
        hasClassToken: false,
        text: geluText(width: 1280, depth: 24, embeddingWidth: 1280, contextLength: 72))

    /// A Perception Encoder; heads have 64 places where nothing is given.
    package static func perceptionEncoder(
        width: Int, depth: Int, heads: Int? = nil, hiddenWidth: Int? = nil, patchSize: Int, imageSize: Int,
        hasClassToken: Bool = true, text: TextTransformer.Configuration
    ) -> CLIPConfiguration {
        CLIPConfiguration(
            vision: .transformer(
                .init(
                    .perceptionEncoder(hasClassToken: hasClassToken),
                    transformer: .init(
                        width: width, depth: depth, heads: heads, hiddenWidth: hiddenWidth, activation: .gelu),
                    patchSize: patchSize, imageSize: imageSize, embeddingWidth: text.embeddingWidth)),
            text: text)
    }

    private static func geluText(
        width: Int, depth: Int = 12, embeddingWidth: Int, contextLength: Int = 77
    ) -> TextTransformer.Configuration {
        .init(
            transformer: .init(width: width, depth: depth, activation: .gelu), contextLength: contextLength,
            embeddingWidth: embeddingWidth)
    }
}
