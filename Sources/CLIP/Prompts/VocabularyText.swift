/// A class as a vocabulary has it, before it is encoded.
public struct VocabularyEntry: Sendable, Hashable {
    /// Whether a detector was trained on a class.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// Trained with boxes.
        case base

        /// Not seen in training.
        case novel

        /// Not told apart.
        case unspecified
    }

    /// The name as results show it; spelled as the data set does.
    public var name: String

    /// Other names of the same thing, encoded with it.
    public var synonyms: [String]

    /// Whether a detector was trained on it.
    public var kind: Kind

    /// A class.
    public init(_ name: String, synonyms: [String] = [], kind: Kind = .unspecified) {
        self.name = name
        self.synonyms = synonyms
        self.kind = kind
    }
}

/// The words of a vocabulary: its classes and the prompts that their embeddings are the means of.
///
/// Row 0 of every text matrix is the background, the classes follow in their order.
public struct VocabularyText: Sendable, Hashable {
    /// The classes, at least one.
    public let entries: [VocabularyEntry]

    /// The templates that every name goes through.
    public let templates: PromptTemplates

    /// How the article of a template is treated.
    public let article: Article

    /// The word for what is none of the classes; it goes through the same templates. F-VLM's published
    /// embeddings are those of "background".
    public let background: String

    /// A vocabulary.
    ///
    /// - Throws: ``PromptError`` when there is no class, a name or synonym is empty, or two are the same to the
    ///   text tower.
    public init(
        _ entries: [VocabularyEntry], templates: PromptTemplates = .imageNet, article: Article = .asWritten,
        background: String = "background"
    ) throws {
        try ClassNames.check(entries.map(\.name))
        for entry in entries where !entry.synonyms.isEmpty {
            do {
                try ClassNames.check([entry.name] + entry.synonyms)
            } catch let error as PromptError {
                throw PromptError(reason: "class '\(entry.name)' with its synonyms: \(error.reason)")
            }
        }
        guard !ClassNames.readable(background).isEmpty else {
            throw PromptError(reason: "the word for the background is empty")
        }
        self.entries = entries
        self.templates = templates
        self.article = article
        self.background = background
    }

    /// The number of rows of the text matrix: the background and every class.
    public var rowCount: Int { entries.count + 1 }

    /// The prompts of a row, in the order of names and then of templates.
    ///
    /// - Parameter row: 0 for the background, from 1 on the classes.
    public func prompts(ofRow row: Int) -> [String] {
        let names = row == 0 ? [background] : [entries[row - 1].name] + entries[row - 1].synonyms
        return names.flatMap { templates.prompts(for: ClassNames.readable($0), article: article) }
    }
}
