import Torch

/// How often pictures are assigned their own category among all, by its text alone.
struct ZeroShotAccuracy: Sendable, Codable {
    var pictures = 0
    var top1 = 0.0
    var top5 = 0.0
}

/// Classifies fresh pictures by texts.
struct ZeroShotTest {
    /// The objects' share of the picture: whole, and not tiny.
    static let sizes: ClosedRange<Float> = 0.3...1

    let glyphs: GlyphSet
    let seed: UInt64

    /// The share of pictures that show other objects too. Then there is more than one correct answer; only the object
    /// in the middle counts.
    var othersShare: Float = 0

    /// From 0, large upright objects on plain colors, to 1.
    var difficulty: Float = 1

    /// Tests pictures of 96 pixels: `rounds` of every chosen category, at full difficulty.
    /// - Parameters:
    ///   - categories: The categories to show; all categories are candidates.
    ///   - texts: Embeddings of the candidates, [K, E].
    ///   - embed: Maps pixels to embeddings of length 1.
    func accuracy(
        style: Int, categories: [Int], texts: Tensor, rounds: Int, embed: (Tensor) throws -> Tensor
    ) throws -> ZeroShotAccuracy {
        let sampler = PictureSampler(glyphs: glyphs, sizes: Self.sizes, othersShare: othersShare)
        let name = "zero-shot \(glyphs.styles[style].rawValue)"
        var result = ZeroShotAccuracy()
        let shown = (0..<rounds).flatMap { round in
            categories.map { (category: $0, index: $0 + round * 10_000) }
        }
        for start in stride(from: 0, to: shown.count, by: 64) {
            let part = shown[start..<min(start + 64, shown.count)]
            let canvases = part.map { category, index in
                var random = RandomStream(seed: seed, name, index: index)
                return sampler.picture(
                    category: category, style: style, side: 96, difficulty: difficulty, &random)
            }
            let batch = try PictureBatch(canvases, labels: part.map(\.category))
            let best = try withoutGradients {
                try embed(batch.pixels).matmul(texts.transposed(0, 1)).topk(5, dimension: 1).indices
                    .array(of: Int64.self)
            }
            for (row, label) in batch.labels.enumerated() {
                result.pictures += 1
                if Int(best[row * 5]) == label { result.top1 += 1 }
                if best[(row * 5)..<(row * 5 + 5)].contains(Int64(label)) { result.top5 += 1 }
            }
        }
        result.top1 /= Double(max(result.pictures, 1))
        result.top5 /= Double(max(result.pictures, 1))
        return result
    }
}
