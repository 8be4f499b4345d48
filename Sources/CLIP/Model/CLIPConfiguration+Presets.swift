import Torch

// The published models (Radford et al., 2021, tables 18 to 20; OpenAI's checkpoints).
extension CLIPConfiguration {
    /// OpenAI's ResNet-50.
    public static let resNet50 = resNet(
        blocks: [3, 4, 6, 3], width: 64, imageSize: 224, embeddingWidth: 1_024, textWidth: 512)

    /// OpenAI's ResNet-101.
    public static let resNet101 = resNet(
        blocks: [3, 4, 23, 3], width: 64, imageSize: 224, embeddingWidth: 512, textWidth: 512)

    /// OpenAI's ResNet-50 scaled to 4 times the compute.
    public static let resNet50x4 = resNet(
        blocks: [4, 6, 10, 6], width: 80, imageSize: 288, embeddingWidth: 640, textWidth: 640)

    /// OpenAI's ResNet-50 scaled to 16 times the compute.
    public static let resNet50x16 = resNet(
        blocks: [6, 8, 18, 8], width: 96, imageSize: 384, embeddingWidth: 768, textWidth: 768)

    /// OpenAI's ResNet-50 scaled to 64 times the compute.
    public static let resNet50x64 = resNet(
        blocks: [3, 15, 36, 10], width: 128, imageSize: 448, embeddingWidth: 1_024, textWidth: 1_024)

    /// OpenAI's ViT-B/32.
    public static let viTB32 = transformer(
        width: 768, depth: 12, patchSize: 32, imageSize: 224, embeddingWidth: 512)

    /// OpenAI's ViT-B/16.
    public static let viTB16 = transformer(
        width: 768, depth: 12, patchSize: 16, imageSize: 224, embeddingWidth: 512)

    /// OpenAI's ViT-L/14.
    public static let viTL14 = transformer(
        width: 1_024, depth: 24, patchSize: 14, imageSize: 224, embeddingWidth: 768)

    /// OpenAI's ViT-L/14 trained further at 336 pixels.
    public static let viTL14At336 = transformer(
        width: 1_024, depth: 24, patchSize: 14, imageSize: 336, embeddingWidth: 768)

    private static func resNet(
        blocks: [Int], width: Int, imageSize: Int, embeddingWidth: Int, textWidth: Int
    ) -> CLIPConfiguration {
        CLIPConfiguration(
            vision: .resNet(
                .init(blocks: blocks, width: width, imageSize: imageSize, embeddingWidth: embeddingWidth)),
            text: text(width: textWidth, embeddingWidth: embeddingWidth))
    }

    private static func transformer(
        width: Int, depth: Int, patchSize: Int, imageSize: Int, embeddingWidth: Int
    ) -> CLIPConfiguration {
        CLIPConfiguration(
            vision: .transformer(
                .init(
                    transformer: .init(width: width, depth: depth, activation: .quickGELU),
                    patchSize: patchSize, imageSize: imageSize, embeddingWidth: embeddingWidth)),
            text: text(width: embeddingWidth, embeddingWidth: embeddingWidth))
    }

    private static func text(width: Int, embeddingWidth: Int) -> TextTransformer.Configuration {
        .init(
            transformer: .init(width: width, depth: 12, activation: .quickGELU),
            embeddingWidth: embeddingWidth)
    }
}
