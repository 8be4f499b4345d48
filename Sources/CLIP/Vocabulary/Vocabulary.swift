import Foundation
import Support
import Torch

/// Classes as data: their names, prompt templates, embeddings, and the identity of the CLIP that made them.
///
/// ```swift
/// let animals = try await detector.vocabulary(of: ["dog", "cat", "guinea pig"])
/// try animals.write(to: "animals.safetensors")
/// let again = try Vocabulary(contentsOf: "animals.safetensors")
/// print(again.names, again.embeddingWidth)
/// ```
///
/// Encoded once, saved to a file, and exchanged without reloading a model. The embedding of a class is the mean of the
/// embeddings, of length 1 each, of all its prompts (Radford et al., 2021, section 3.1.4). The mean itself is not
/// normalized; code that compares directions normalizes it.
public struct Vocabulary: Sendable {
    /// A class.
    public struct Class: Sendable, Hashable, Codable {
        /// The part of an open-vocabulary split that a class belongs to.
        public enum Split: String, Sendable, Hashable, Codable, CaseIterable {
            /// The class's boxes are used in training.
            case base
            /// The class's boxes are not used in training.
            case novel
        }

        /// The name in results.
        public var name: String

        /// Other names, whose prompts count like the name's own.
        public var synonyms: [String]

        /// Base or novel; nil if unknown.
        public var split: Split?

        /// The id of the category in the class's data set; nil if it has none.
        public var categoryID: Int64?

        /// The name of a group of classes of which an object has at most one, such as with and without a helmet; nil: none.
        public var exclusiveGroup: String?

        /// What the class's score is a share of, for a class of an exclusive group; nil: of all classes.
        public var exclusiveScores: ExclusiveScores?

        /// How the class's rows were made from boxes in pictures; nil: from its names alone.
        public var examples: Vocabulary.Examples?

        /// Creates a class.
        public init(
            _ name: String, synonyms: [String] = [], split: Split? = nil, categoryID: Int64? = nil
        ) {
            self.name = name
            self.synonyms = synonyms
            self.split = split
            self.categoryID = categoryID
        }
    }

    /// What the scores of an exclusive group's classes are shares of.
    public enum ExclusiveScores: String, Sendable, Hashable, Codable, CaseIterable {
        /// A softmax over all classes and the background: alike classes of a group take from each other, and so do the others.
        case all
        /// A softmax over the group's classes and the background alone: the scores that the group has when nothing else is
        /// asked for. Other classes' scores stay as they are.
        case group
    }

    /// The phrase that represents everything outside the classes, and its embedding.
    public struct Background: Sendable {
        /// The phrase.
        public let phrase: String

        /// [E] float32.
        public let embedding: Tensor

        /// Creates a background from a phrase and its embedding.
        public init(phrase: String, embedding: Tensor) {
            self.phrase = phrase
            self.embedding = embedding
        }
    }

    /// The classes.
    public let classes: [Class]

    /// The prompt templates, with `{}` for the name.
    public let templates: [String]

    /// The treatment of an `a` right before a name.
    public let article: Article

    /// One row per class, [K, E] float32.
    public let embeddings: Tensor

    /// Rows for a detector's own tower where they differ from ``embeddings``, which are then for CLIP's alone, [K, E]
    /// float32; nil: the same rows for both. Classes shown by examples have both.
    public let detectorEmbeddings: Tensor?

    /// The background row, if there is one.
    public let background: Background?

    /// The CLIP that made the embeddings.
    public let clip: CLIPIdentity

    /// Creates a vocabulary from rows.
    /// - Parameters:
    ///   - classes: The classes, in the order of the rows.
    ///   - templates: The templates that the embeddings were made with.
    ///   - article: How the templates' article was treated.
    ///   - embeddings: [K, E].
    ///   - detectorEmbeddings: See ``detectorEmbeddings``.
    ///   - background: The row that stands for no class, if there is one.
    ///   - clip: The CLIP that made the embeddings.
    /// - Throws: ``CLIPError`` if there are no classes, two names are the same to the text tower, or the numbers of
    ///   rows and classes differ.
    public init(
        classes: [Class], templates: [String], article: Article = .asWritten, embeddings: Tensor,
        detectorEmbeddings: Tensor? = nil, background: Background?, clip: CLIPIdentity
    ) throws {
        do { try ClassNames.check(classes.map(\.name)) } catch let error as CLIPError {
            throw error.about("vocabulary")
        }
        try self.init(
            stored: classes, templates: templates, article: article, embeddings: embeddings,
            detectorEmbeddings: detectorEmbeddings, background: background, clip: clip)
    }

    /// Creates a vocabulary from a file's contents: earlier versions merged names that differ only in case.
    init(
        stored classes: [Class], templates: [String], article: Article, embeddings: Tensor,
        detectorEmbeddings: Tensor? = nil, background: Background?, clip: CLIPIdentity
    ) throws {
        try Self.check(classes)
        guard embeddings.rank == 2, embeddings.shape[0] == classes.count, embeddings.shape[1] > 0 else {
            throw CLIPError(
                "vocabulary", reason: "\(classes.count) classes have embeddings \(embeddings.shape)")
        }
        if let detectorEmbeddings, detectorEmbeddings.shape != embeddings.shape {
            throw CLIPError(
                "vocabulary",
                reason: "the detector's rows are \(detectorEmbeddings.shape), CLIP's \(embeddings.shape)")
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
        self.detectorEmbeddings = try detectorEmbeddings?.to(.float32)
        self.background = background
        self.clip = clip
    }

    private static func check(_ classes: [Class]) throws {
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

    /// The rows to compare a CLIP's embeddings with, each of length 1, [K, E]; with the background as row 0 if
    /// requested, [1 + K, E].
    /// - Throws: ``CLIPError`` if a CLIP other than `clip` made the vocabulary, or there is no background row.
    public func matrix(for clip: CLIPIdentity, withBackground: Bool = false) throws -> Tensor {
        try check(clip)
        return try matrix(embeddings, withBackground)
    }

    /// As ``matrix(for:withBackground:)``, for a detector's own tower; nil if the rows are the same.
    /// - Throws: As there.
    public func detectorMatrix(for clip: CLIPIdentity, withBackground: Bool = false) throws -> Tensor? {
        try check(clip)
        return try detectorEmbeddings.map { try matrix($0, withBackground) }
    }

    private func matrix(_ rows: Tensor, _ withBackground: Bool) throws -> Tensor {
        guard withBackground else { return try rows.normalized() }
        guard let background else {
            throw CLIPError(
                "vocabulary", reason: "has no background row; build it with one (\"background\" is usual)")
        }
        return try Tensor.cat([background.embedding.unsqueezed(0), rows]).normalized()
    }

    /// Rejects a CLIP other than the one that made the embeddings.
    /// - Throws: ``CLIPError``.
    public func check(_ clip: CLIPIdentity) throws {
        guard clip == self.clip else {
            throw CLIPError(
                "vocabulary",
                reason:
                    "was made by the CLIP \(self.clip), the model's is \(clip): rebuild it with this one"
            )
        }
    }

    /// The category ids in results files: the ids of the classes' data set or, if a class has none or two share one,
    /// numbers from 1 in the order of the classes, along with a sentence stating the reason.
    public var categoryIDs: (ids: [Int64], reasonForNumbers: String?) {
        let known = classes.compactMap(\.categoryID)
        let numbers = classes.indices.map { Int64($0) + 1 }
        guard known.count == classes.count else {
            let missing = classes.count - known.count
            return (
                numbers,
                "\(missing) of the \(classes.count) classes \(missing == 1 ? "has" : "have") no category id"
            )
        }
        var owners: [Int64: String] = [:]
        for (entry, id) in zip(classes, known) {
            if let owner = owners.updateValue(entry.name, forKey: id) {
                return (
                    numbers, "the classes \"\(owner)\" and \"\(entry.name)\" share the category id \(id)"
                )
            }
        }
        return (known, nil)
    }

    /// Classes with the category ids that this vocabulary knows of their names. All or none: ids of two data sets do not go
    /// together.
    package func addingCategoryIDs(to classes: [Class]) -> [Class] {
        guard !classes.contains(where: { $0.categoryID != nil }) else { return classes }
        let known = Dictionary(
            self.classes.map { (ClassNames.form($0.name), $0.categoryID) },
            uniquingKeysWith: { first, _ in first })
        return classes.map {
            var entry = $0
            entry.categoryID = known[ClassNames.form($0.name)] ?? nil
            return entry
        }
    }

    /// The same with the category ids that another vocabulary knows, where it has none of its own.
    package func takingCategoryIDs(from other: Vocabulary) throws -> Vocabulary {
        try Vocabulary(
            stored: other.addingCategoryIDs(to: classes), templates: templates, article: article,
            embeddings: embeddings, detectorEmbeddings: detectorEmbeddings, background: background, clip: clip
        )
    }

    /// Which classes are base, for scores that weight them separately; nil unless known for every class.
    public var isBase: [Bool]? {
        let splits = classes.compactMap(\.split)
        return splits.count == classes.count ? splits.map { $0 == .base } : nil
    }
}

// MARK: Making vocabularies

extension Vocabulary {
    /// Encodes classes.
    ///
    /// Every name and synonym is inserted into every template, with underscores as spaces; the embeddings, of length 1
    /// each, are averaged per class, and the mean is not normalized (F-VLM's `utils/clip_utils.py`).
    /// - Parameters:
    ///   - classes: The classes.
    ///   - templates: The prompt templates.
    ///   - article: The treatment of an `a` right before a name.
    ///   - background: The phrase of the background row, inserted into the same templates; nil for none.
    ///   - model: The CLIP.
    ///   - tokenizer: The CLIP's tokenizer.
    ///   - batchSize: The number of prompts per pass through the text tower.
    ///   - progress: Called with the number of prompts done and their total.
    ///   - note: Called with a sentence for every class whose longest prompts are truncated to the context length.
    /// - Throws: ``CLIPError`` for names that are missing, empty, the same to the text tower or longer than its context;
    ///   `TorchError`, `CancellationError`.
    public init(
        encoding classes: [Class], templates: PromptTemplates = .imageNet, article: Article = .asWritten,
        background: String? = "background", with model: CLIPModel, tokenizer: Tokenizer, batchSize: Int = 64,
        progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }, note: (String) -> Void = { _ in }
    ) throws {
        try model.check(tokenizer)
        let rows = try Self.prompts(
            of: classes, background: background, templates: templates, article: article)
        let prompts = rows.flatMap { $0 }
        let total = prompts.count
        try Self.checkLengths(
            classes, background, templates, article, tokenizer,
            context: model.configuration.text.contextLength,
            note)
        // Embeddings lie in main memory, whatever device made them: vocabularies are merged, cut and written there.
        let encoded = try model.embed(texts: prompts, tokenizer: tokenizer, batchSize: batchSize) {
            progress($0, total)
        }.to(device: .cpu)
        let means = try encoded.split(rows.map(\.count)).map { try $0.mean(0) }
        try self.init(
            classes: classes, templates: templates.templates.map(\.text), article: article,
            embeddings: Tensor.stack(Array(means.prefix(classes.count))),
            background: background.map { Background(phrase: $0, embedding: means[classes.count]) },
            clip: model.identity())
    }

    /// Rejects names that the context length truncates, since the part cut off cannot distinguish classes.
    private static func checkLengths(
        _ classes: [Class], _ background: String?, _ templates: PromptTemplates, _ article: Article,
        _ tokenizer: Tokenizer, context: Int, _ note: (String) -> Void
    ) throws {
        let named = classes.enumerated().flatMap { index, entry in
            ([entry.name] + entry.synonyms).map { ("class name \(index + 1) ('\($0.prefix(60))')", $0) }
        }
        for (place, name) in named + (background.map { [("the background's phrase", $0)] } ?? []) {
            let readable = ClassNames.readable(name)
            let prompts = templates.prompts(for: readable, article: article)
            let cut = try tokenizer.encode(prompts, contextLength: context).truncated
            guard !cut.isEmpty else { continue }
            for row in cut.keys.sorted() {
                guard let end = prompts[row].range(of: readable, options: .backwards)?.upperBound else {
                    continue
                }
                // The start token, the prompt up to the end of the name, the end token.
                let needed = tokenizer.encode(String(prompts[row][..<end])).count
                guard needed <= context else {
                    throw CLIPError(
                        reason:
                            "\(place) takes \(needed) tokens in the prompt '\(templates.templates[row].text)', but "
                            + "the text tower reads \(context): shorten the name or the template")
                }
            }
            note("\(place): \(cut.count) of \(prompts.count) prompts are truncated after the name")
        }
    }

    /// The prompts averaged into each row: of every class in order, then of the background.
    static func prompts(
        of classes: [Class], background: String?, templates: PromptTemplates, article: Article
    ) throws -> [[String]] {
        try ClassNames.check(classes.map(\.name))
        for entry in classes where !entry.synonyms.isEmpty {
            do {
                try ClassNames.check([entry.name] + entry.synonyms)
            } catch let error as CLIPError {
                throw CLIPError(reason: "class '\(entry.name)' with its synonyms: \(error.reason)")
            }
        }
        if let background, ClassNames.readable(background).isEmpty {
            throw CLIPError(reason: "the phrase for the background is empty")
        }
        let rows = classes.map { [$0.name] + $0.synonyms } + (background.map { [[$0]] } ?? [])
        return rows.map { spellings in
            spellings.flatMap { templates.prompts(for: ClassNames.readable($0), article: article) }
        }
    }
}

extension Vocabulary {
    /// Merges vocabularies: all classes, in order, with the first background row.
    /// - Throws: ``CLIPError`` if they were made by different CLIPs, with different templates or backgrounds, or share
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
                    reason: "the classes use different templates, so their scores are not comparable: "
                        + "rebuild one with the other's templates")
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
            embeddings: Tensor.cat(vocabularies.map(\.embeddings)),
            detectorEmbeddings: vocabularies.allSatisfy { $0.detectorEmbeddings == nil }
                ? nil : Tensor.cat(vocabularies.map { $0.detectorEmbeddings ?? $0.embeddings }),
            background: backgrounds.first, clip: first.clip)
    }
}

extension Vocabulary {
    /// A digest of the classes' names and splits, their embeddings and the background's: vocabularies with the same
    /// digest give the same results.
    /// - Parameter includesEmbeddings: Whether embeddings count; otherwise names and splits alone.
    /// - Throws: `TorchError`.
    package func digest(includesEmbeddings: Bool = true) throws -> String {
        var digest = SHA256()
        for entry in classes {
            digest.update(entry.name)
            digest.update(entry.split?.rawValue ?? "")
            if let group = entry.exclusiveGroup { digest.update(group) }
            if entry.exclusiveScores == .group { digest.update("group") }
        }
        let rows = [embeddings, background?.embedding, detectorEmbeddings].compactMap { $0 }
        for rows in includesEmbeddings ? rows : [] {
            try rows.to(device: .cpu).to(.float32).contiguous().withBytes { digest.update($0) }
        }
        return String(digest.finalized().hexadecimal.prefix(16))
    }
}
