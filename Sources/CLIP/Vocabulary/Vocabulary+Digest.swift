import Support
import Torch

extension Vocabulary {
    /// A digest of the classes, their embeddings and the background's: two vocabularies of one digest give the same
    /// results.
    /// - Throws: `TorchError`.
    package func digest() throws -> String {
        var digest = SHA256()
        for entry in classes {
            digest.update(entry.name)
            digest.update(entry.split?.rawValue ?? "")
        }
        for rows in [embeddings, background?.embedding].compactMap({ $0 }) {
            try rows.to(.float32).contiguous().withBytes { digest.update($0) }
        }
        return String(digest.finalized().hexadecimal.prefix(16))
    }
}
