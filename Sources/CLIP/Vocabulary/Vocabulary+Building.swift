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
    /// - Throws: ``CLIPError`` for unusable names, ``TokenizerError``, `TorchError`, `CancellationError`.
    public init(
        encoding classes: [Class], templates: PromptTemplates = .imageNet, article: Article = .asWritten,
        background: String? = "background", with model: CLIPModel, tokenizer: Tokenizer, batchSize: Int = 64,
        progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
    ) throws {
        try Self.check(classes)
        var prompts: [String] = []
        var counts: [Int] = []
        for spellings in classes.map({ [$0.name] + $0.synonyms }) + (background.map { [[$0]] } ?? []) {
            let ownPrompts = spellings.flatMap {
                templates.prompts(for: ClassNames.readable($0), article: article)
            }
            prompts.append(contentsOf: ownPrompts)
            counts.append(ownPrompts.count)
        }
        let total = prompts.count
        let encoded = try model.embed(texts: prompts, tokenizer: tokenizer, batchSize: batchSize) {
            progress($0, total)
        }
        let means = try encoded.split(counts).map { try $0.mean(0) }
        try self.init(
            classes: classes, templates: templates.templates.map(\.text), article: article,
            embeddings: Tensor.stack(Array(means.prefix(classes.count))),
            background: background.map { Background(phrase: $0, embedding: means[classes.count]) },
            clip: model.identity())
    }
}
