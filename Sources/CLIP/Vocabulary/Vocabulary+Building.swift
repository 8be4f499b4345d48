import Torch

extension Vocabulary {
    /// Encodes classes.
    ///
    /// Every name and synonym goes into every template, underscores as spaces; the embeddings, of length 1 each, are
    /// averaged for a class, and the mean is left as it is (F-VLM's `utils/clip_utils.py`).
    /// - Parameters:
    ///   - classes: The classes.
    ///   - templates: The sentences that names are put into.
    ///   - article: What becomes of an `a` right before a name.
    ///   - background: The phrase of the background row, which goes into the same templates; nil for none.
    ///   - model: The CLIP.
    ///   - tokenizer: The CLIP's.
    ///   - batchSize: How many prompts go through the text tower together.
    ///   - progress: Is told how many prompts are done, and of how many.
    /// - Throws: ``PromptError`` for names that are missing, empty or the same to the text tower, ``TokenizerError``,
    ///   `TorchError`, `CancellationError`.
    public init(
        encoding classes: [Class], templates: PromptTemplates = .imageNet, article: Article = .asWritten,
        background: String? = "background", with model: CLIPModel, tokenizer: Tokenizer, batchSize: Int = 64,
        progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
    ) throws {
        let rows = try Self.prompts(
            of: classes, background: background, templates: templates, article: article)
        let prompts = rows.flatMap { $0 }
        let total = prompts.count
        let encoded = try model.embed(texts: prompts, tokenizer: tokenizer, batchSize: batchSize) {
            progress($0, total)
        }
        let means = try encoded.split(rows.map(\.count)).map { try $0.mean(0) }
        try self.init(
            classes: classes, templates: templates.templates.map(\.text), article: article,
            embeddings: Tensor.stack(Array(means.prefix(classes.count))),
            background: background.map { Background(phrase: $0, embedding: means[classes.count]) },
            clip: model.identity())
    }

    /// The prompts whose embeddings a row is the mean of: of every class in order, and of the background at the end.
    static func prompts(
        of classes: [Class], background: String?, templates: PromptTemplates, article: Article
    ) throws -> [[String]] {
        try ClassNames.check(classes.map(\.name))
        for entry in classes where !entry.synonyms.isEmpty {
            do {
                try ClassNames.check([entry.name] + entry.synonyms)
            } catch let error as PromptError {
                throw PromptError(reason: "class '\(entry.name)' with its synonyms: \(error.reason)")
            }
        }
        if let background, ClassNames.readable(background).isEmpty {
            throw PromptError(reason: "the phrase for the background is empty")
        }
        let rows = classes.map { [$0.name] + $0.synonyms } + (background.map { [[$0]] } ?? [])
        return rows.map { spellings in
            spellings.flatMap { templates.prompts(for: ClassNames.readable($0), article: article) }
        }
    }
}
