import ArgumentParser
import CLIP

/// The available architectures.
enum Architecture: String, ExpressibleByArgument, CaseIterable {
    /// A small ResNet, for the published family on a processor.
    case resnetSmall = "resnet-small"
    /// A small vision transformer, for detectron2's family on a processor.
    case vitSmall = "vit-small"
    case resnet50 = "resnet50"
    case resnet50x4 = "resnet50x4"
    case vitB32 = "vit-b-32"

    var configuration: CLIPConfiguration {
        switch self {
        case .resnetSmall:
            CLIPConfiguration(
                vision: .resNet(
                    .init(
                        blocks: [1, 1, 1, 1], width: 32, imageSize: 224, embeddingWidth: Self.smallEmbedding)),
                text: Self.smallText)
        case .vitSmall:
            CLIPConfiguration(
                vision: .transformer(
                    .init(
                        transformer: .init(width: 192, depth: 3, activation: .quickGELU), patchSize: 16,
                        imageSize: 224, embeddingWidth: Self.smallEmbedding)),
                text: Self.smallText)
        case .resnet50: .resNet50
        case .resnet50x4: .resNet50x4
        case .vitB32: .viTB32
        }
    }

    private static let smallEmbedding = 256

    private static let smallText = TextTransformer.Configuration(
        transformer: .init(width: 128, depth: 2, activation: .quickGELU), embeddingWidth: smallEmbedding)
}
