import Torch

/// The architecture of a CLIP: its image tower and its text tower.
///
/// Read from a `config.json` of transformers, an `open_clip_config.json`, or the shapes of a checkpoint's tensors; see
/// ``CLIPConfiguration/init(huggingFace:)``, ``CLIPConfiguration/init(openCLIP:)``,
/// ``CLIPConfiguration/init(inferredFrom:prefix:format:activation:)``.
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
