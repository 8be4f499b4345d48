/// The architecture of a CLIP: its image tower and its text tower.
///
/// Read from a `config.json` of transformers, an `open_clip_config.json`, or from the shapes of a checkpoint's tensors;
/// see ``CLIPConfiguration/init(huggingFace:)``, ``CLIPConfiguration/init(openCLIP:)``,
/// ``CLIPConfiguration/init(inferredFrom:prefix:format:activation:)``.
public struct CLIPConfiguration: Sendable, Hashable {
    /// The image tower.
    public enum Vision: Sendable, Hashable {
        /// Patches and a transformer.
        case transformer(VisionTransformer.Configuration)
        /// OpenAI's modified ResNet with its attention pool.
        case resNet(ModifiedResNet.Configuration)

        /// The side in pixels of the square pictures that the tower was trained with.
        public var imageSize: Int {
            switch self {
            case .transformer(let configuration): configuration.imageSize
            case .resNet(let configuration): configuration.imageSize
            }
        }

        /// The width E of an image's embedding.
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

    /// A pair of towers.
    public init(vision: Vision, text: TextTransformer.Configuration) {
        self.vision = vision
        self.text = text
    }

    /// The width E of the space that both towers embed into.
    public var embeddingWidth: Int { text.embeddingWidth }

    /// Refuses what cannot be built.
    /// - Throws: ``CLIPError`` that names the size.
    public func validate(_ subject: String = "CLIP configuration") throws {
        switch vision {
        case .transformer(let configuration): try configuration.validate("\(subject), image tower")
        case .resNet(let configuration): try configuration.validate("\(subject), image tower")
        }
        try text.validate("\(subject), text tower")
        guard vision.embeddingWidth == text.embeddingWidth else {
            throw CLIPError(
                subject,
                reason: "images embed into \(vision.embeddingWidth) places, texts into "
                    + "\(text.embeddingWidth)")
        }
    }
}
