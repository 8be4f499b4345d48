import Torch

extension Vocabulary {
    /// The classes of all, in order, with the first background row that there is.
    /// - Throws: ``CLIPError`` when they were made by different CLIPs, with different templates or backgrounds, or share
    ///   a name.
    public static func merging(_ vocabularies: [Vocabulary]) throws -> Vocabulary {
        guard let first = vocabularies.first else {
            throw CLIPError("vocabulary", reason: "there is nothing to merge")
        }
        for other in vocabularies.dropFirst() {
            try other.check(first.clip)
            guard other.templates == first.templates, other.article == first.article else {
                throw CLIPError(
                    "vocabulary",
                    reason: "the classes were put into different sentences, which makes their scores differ: "
                        + "build one with the other's templates")
            }
        }
        let backgrounds = vocabularies.compactMap(\.background)
        guard Set(backgrounds.map(\.phrase)).count <= 1 else {
            throw CLIPError(
                "vocabulary",
                reason: "the backgrounds differ: "
                    + backgrounds.map { "\"\($0.phrase)\"" }.joined(separator: ", "))
        }
        return try Vocabulary(
            classes: vocabularies.flatMap(\.classes), templates: first.templates, article: first.article,
            embeddings: Tensor.cat(vocabularies.map(\.embeddings)), background: backgrounds.first,
            clip: first.clip)
    }
}
