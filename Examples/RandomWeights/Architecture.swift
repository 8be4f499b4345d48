import ArgumentParser
import CLIP

/// The available architectures.
enum Architecture: String, ExpressibleByArgument, CaseIterable {
    /// A small ResNet, for the published family on a processor.
    case resnetSmall = "resnet-small"
    /// A small vision transformer, for detectron2's family on a processor.
    case vitSmall = "vit-small"
    /// A small EVA-02, as a frozen trunk on a CPU.
    case evaSmall = "eva-small"
    /// A small Perception Encoder, likewise.
    case peSmall = "pe-small"
    case resnet50 = "resnet50"
    case resnet50x4 = "resnet50x4"
    case vitB32 = "vit-b-32"
    case eva02B16 = "eva02-b-16"
    case eva02L14 = "eva02-l-14-336"
    case peTiny = "pe-t-16-384"
    case peB16 = "pe-b-16"
    case peL14 = "pe-l-14-336"

    /// How the weights are named.
    var format: CheckpointFormat {
        switch self {
        case .evaSmall, .eva02B16, .eva02L14: .eva
        default: .openAI
        }
    }

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
        case .evaSmall: .eva02(width: 192, depth: 4, patchSize: 16, imageSize: 224, text: Self.smallGELUText)
        case .peSmall:
            .perceptionEncoder(width: 192, depth: 4, patchSize: 16, imageSize: 224, text: Self.smallGELUText)
        case .eva02B16: .eva02B16
        case .eva02L14: .eva02L14
        case .peTiny: .perceptionEncoderT16
        case .peB16: .perceptionEncoderB16
        case .peL14: .perceptionEncoderL14
        }
    }

    private static let smallEmbedding = 256

    private static let smallGELUText = TextTransformer.Configuration(
        transformer: .init(width: 128, depth: 2, activation: .gelu), embeddingWidth: smallEmbedding)

    private static let smallText = TextTransformer.Configuration(
        transformer: .init(width: 128, depth: 2, activation: .quickGELU), embeddingWidth: smallEmbedding)
}
