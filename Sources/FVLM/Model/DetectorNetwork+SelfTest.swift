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
}
