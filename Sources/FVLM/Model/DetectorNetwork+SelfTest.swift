import Torch

extension DetectorNetwork {
    /// Whether nothing has been learned: the biases of all predictions are zero, as they are before the first step, so that
    /// every anchor and every region is treated alike.
    /// - Throws: `TorchError` when weights are not set.
    package var looksUntrained: Bool {
        get throws {
            let names = ["rpn_head.objectness_logits.bias", "rpn_head.anchor_deltas.bias", "bbox_pred.bias"]
            return try names.allSatisfy { name in
                guard let bias = store[name] else { return true }
                return try bias.value.abs().max().item() == 0
            }
        }
    }

    /// What a user is told of such heads.
    package static let untrainedNote =
        "these heads look untrained: the biases of their predictions are all zero, so that scores are at chance"

    /// Whether class logits are at chance: the layer that makes regions' embeddings has not turned towards the texts that the
    /// heads were trained on.
    ///
    /// Training moves that layer's columns along the differences of the texts. Their share of the columns' squared length is
    /// compared with what columns of random directions have: 1 is chance. The recorded detector of emoji has 2.6.
    /// - Parameter texts: Embeddings of the classes that the heads were trained on, [K, E].
    /// - Returns: A sentence for a user; nil where the layer has turned, or the texts cannot tell: fewer than eight, or with
    ///   differences in every direction.
    /// - Throws: `TorchError` when weights are not set.
    package func chanceNote(texts: Tensor) throws -> String? {
        guard let layer = try store["projection.weight"]?.value.to(device: .cpu).to(.float32),
            layer.rank == 2,
            texts.rank == 2, texts.shape[0] >= 8, texts.shape[1] == layer.shape[0]
        else { return nil }
        let unit = try texts.to(device: .cpu).to(.float32).normalized()
        let differences = try unit - unit.mean(0, keepDimensions: true)
        let covariance = try differences.transposed(0, 1).matmul(differences)
        let total: Double = try (differences * differences).sum().item()
        let squares: Double = try (covariance * covariance).sum().item()
        let length: Double = try (layer * layer).sum().item()
        guard total > 0, length > 0 else { return nil }
        let (width, columns) = (Double(layer.shape[0]), Double(layer.shape[1]))
        // In how many directions the texts differ, and how much random columns differ from chance.
        let directions = total * total / squares
        guard directions < width / 2 else { return nil }
        let spread = (2 / (directions * columns)).squareRoot()
        let along = try differences.matmul(layer)
        let turned = try (along * along).sum().item() / total / length * width
        guard turned < 1 + max(0.1, 4 * spread) else { return nil }
        return
            "class logits are at chance: these heads look untrained, or these embeddings do not match this trunk "
            + "(the heads' share along the differences of the texts is \((turned * 100).rounded() / 100), chance is 1)"
    }
}
