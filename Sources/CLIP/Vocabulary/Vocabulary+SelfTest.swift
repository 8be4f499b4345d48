import Torch

extension Vocabulary {
    /// Compares the embeddings with those that a CLIP's text tower makes of some of the names.
    ///
    /// For embeddings that were taken over from elsewhere: what ``CLIPModel`` made says so by its ``clip``.
    /// - Parameter limit: The largest number of names to try, spread over the classes.
    /// - Returns: A sentence when the tower finds fewer than half of the names again; nil when it does, or when there is
    ///   nothing to try it with: no tokenizer, or fewer than four classes.
    package func mismatch(with model: CLIPModel, limit: Int = 32) -> String? {
        guard names.count > 3, let tokenizer = try? model.tokenizer() else { return nil }
        let count = min(names.count, limit)
        let chosen = (0..<count).map { $0 * names.count / count }
        let texts = chosen.map { "a photo of a \(ClassNames.readable(names[$0]))" }
        guard
            let own = try? model.embed(texts: texts, tokenizer: tokenizer).to(device: .cpu),
            let rows = try? embeddings.indexSelected(0, Tensor(chosen)).normalized(),
            let best = try? own.matmul(rows.transposed(0, 1)).argmax(1).array(of: Int.self)
        else { return nil }
        let right = best.enumerated().count { $0.offset == $0.element }
        guard right * 2 < count else { return nil }
        return
            "these embeddings do not match this trunk: of \(count) class names its text tower finds \(right)"
    }
}
