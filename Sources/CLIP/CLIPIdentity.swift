import Support
import Torch

/// Identifies the CLIP that made an embedding: embeddings of different CLIPs must not be compared.
///
/// A digest of evenly spaced rows of the token embedding and of both towers' projections, and of the logit scale,
/// rounded to bfloat16. The same weights have the same identity regardless of file, naming and precision.
public struct CLIPIdentity: Sendable, Hashable, CustomStringConvertible {
    /// 16 hexadecimal digits.
    public let description: String

    /// Creates an identity from its description.
    public init(_ description: String) { self.description = description }
}

extension CLIPModel {
    /// The identity of the loaded weights.
    /// - Throws: `TorchError` if no weights are loaded.
    public func identity() throws -> CLIPIdentity {
        var digest = SHA256()
        func add(_ tensor: Tensor, rows: Int = .max) throws {
            let count = try tensor.size(0)
            // Evenly spaced rows: a fine-tuned model may differ in only a few.
            let stride = max(1, count / min(rows, count))
            let sampled = try tensor[TensorIndex.every(stride)]
            let values = try sampled.to(device: .cpu).to(.bfloat16).contiguous()
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
