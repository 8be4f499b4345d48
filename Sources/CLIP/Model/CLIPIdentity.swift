import Support
import Torch

/// Which CLIP made an embedding: embeddings of different ones must not meet.
///
/// A digest of evenly spread rows of the token embedding and of both towers' projections, and of the logits' factor,
/// rounded to bfloat16. The same weights have the same identity in whichever file, naming or precision they come.
public struct CLIPIdentity: Sendable, Hashable, CustomStringConvertible {
    /// 16 hexadecimal digits.
    public let description: String

    /// An identity that was written down.
    public init(_ description: String) { self.description = description }
}

extension CLIPModel {
    /// The identity of the loaded weights.
    /// - Throws: `TorchError` when the weights were not loaded.
    public func identity() throws -> CLIPIdentity {
        var digest = SHA256()
        func add(_ tensor: Tensor, rows: Int = .max) throws {
            let count = try tensor.size(0)
            // Evenly spread rows: a fine-tuned model may differ in few.
            let stride = max(1, count / min(rows, count))
            let sampled = try tensor[TensorIndex.every(stride)]
            let values = try sampled.to(.bfloat16).contiguous()
            digest.update("\(values.shape)".utf8)
            try values.withBytes { digest.update($0) }
        }
        try withoutGradients {
            try add(text.tokenEmbedding.weight.value, rows: 64)
            try add(text.projection.matrix, rows: 64)
            switch vision {
            case .transformer(let tower): try add(tower.projection.matrix, rows: 64)
            case .resNet(_, let pool): try add(pool.attention.output.weight.value, rows: 64)
            }
            try add(logitScale.value.reshaped([1]))
        }
        return CLIPIdentity(String(digest.finalized().hexadecimal.prefix(16)))
    }
}
