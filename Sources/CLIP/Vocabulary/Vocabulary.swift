import Torch

/// Classes as data: names, how they were put into sentences, their embeddings, and which CLIP made them.
///
/// Encoded once, saved to a file, exchanged without loading a model anew. The embedding of a class is the mean of the
/// embeddings, of length 1 each, of all its prompts (Radford et al., 2021, section 3.1.4). The mean is kept as it is;
/// whoever compares directions normalises.
public struct Vocabulary: Sendable {
    /// A class.
    public struct Class: Sendable, Hashable, Codable {
        /// Which part of an open-vocabulary split a class belongs to.
        public enum Split: String, Sendable, Hashable, Codable, CaseIterable {
            /// Boxes of it are trained with.
            case base
            /// None are.
            case novel
        }

        /// The name that results carry.
        public var name: String

        /// Other names, whose prompts count as the name's own.
        public var synonyms: [String]

        /// Base or novel; nil when nothing was said.
        public var split: Split?

        /// A class.
        public init(_ name: String, synonyms: [String] = [], split: Split? = nil) {
            self.name = name
            self.synonyms = synonyms
            self.split = split
        }
    }

    /// The phrase that stands for everything that is none of the classes, and its embedding.
    public struct Background: Sendable {
        /// The phrase.
        public let phrase: String

        /// [E] float32.
        public let embedding: Tensor

        /// A phrase and its embedding.
        public init(phrase: String, embedding: Tensor) {
            self.phrase = phrase
            self.embedding = embedding
        }
    }

    /// The classes.
    public let classes: [Class]

    /// The sentences that names were put into, `{}` for the name.
    public let templates: [String]

    /// What became of an `a` right before a name.
    public let article: Article

    /// A row for every class, [K, E] float32.
    public let embeddings: Tensor

    /// The background row, if there is one.
    public let background: Background?

    /// The CLIP that made the embeddings.
    public let clip: CLIPIdentity

    /// A vocabulary of given rows.
    /// - Throws: ``CLIPError`` when there are no classes, two have one name, or rows and classes differ in number.
    public init(
        classes: [Class], templates: [String], article: Article = .asWritten, embeddings: Tensor,
        background: Background?, clip: CLIPIdentity
    ) throws {
        try Self.check(classes)
        guard embeddings.rank == 2, embeddings.shape[0] == classes.count, embeddings.shape[1] > 0 else {
            throw CLIPError(
                "vocabulary", reason: "\(classes.count) classes have embeddings \(embeddings.shape)")
        }
        if let background, background.embedding.shape != [embeddings.shape[1]] {
            throw CLIPError(
                "vocabulary",
                reason: "the background's embedding is \(background.embedding.shape), not "
                    + "[\(embeddings.shape[1])]")
        }
        self.classes = classes
        self.templates = templates
        self.article = article
        self.embeddings = try embeddings.to(.float32)
        self.background = background
        self.clip = clip
    }

    static func check(_ classes: [Class]) throws {
        guard !classes.isEmpty else { throw CLIPError("vocabulary", reason: "has no classes") }
        var seen: Set<String> = []
        for entry in classes {
            guard entry.name.contains(where: { !$0.isWhitespace }) else {
                throw CLIPError("vocabulary", reason: "a class has an empty name")
            }
            guard seen.insert(entry.name).inserted else {
                throw CLIPError("vocabulary", reason: "two classes are called \"\(entry.name)\"")
            }
        }
    }

    /// The names of the classes.
    public var names: [String] { classes.map(\.name) }

    /// The width E of the embeddings.
    public var embeddingWidth: Int { embeddings.shape[1] }

    /// The rows to compare the embeddings of a CLIP with, each of length 1, [K, E]; with the background as row 0
    /// where it is asked for, [1 + K, E].
    /// - Throws: ``CLIPError`` when `clip` is another one than made the vocabulary, or there is no background row.
    public func matrix(for clip: CLIPIdentity, withBackground: Bool = false) throws -> Tensor {
        try check(clip)
        guard withBackground else { return try embeddings.normalized() }
        guard let background else {
            throw CLIPError(
                "vocabulary", reason: "has no background row; build it with one (\"background\" is usual)")
        }
        return try Tensor.cat([background.embedding.unsqueezed(0), embeddings]).normalized()
    }

    /// Refuses another CLIP than the one that made the embeddings.
    /// - Throws: ``CLIPError``.
    public func check(_ clip: CLIPIdentity) throws {
        guard clip == self.clip else {
            throw CLIPError(
                "vocabulary",
                reason:
                    "was made by the CLIP \(self.clip), the model's is \(clip): build it again with this one"
            )
        }
    }

    /// Which classes are base, for scores that weigh them apart; nil when it was not said of every class.
    public var isBase: [Bool]? {
        let splits = classes.compactMap(\.split)
        return splits.count == classes.count ? splits.map { $0 == .base } : nil
    }
}
