import Foundation
import Support
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

        /// The id of the category in the data set that the class comes from; nil when it comes from none.
        public var categoryID: Int64?

        /// A class.
        public init(
            _ name: String, synonyms: [String] = [], split: Split? = nil, categoryID: Int64? = nil
        ) {
            self.name = name
            self.synonyms = synonyms
            self.split = split
            self.categoryID = categoryID
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
    /// - Throws: ``CLIPError`` when there are no classes, two have names that are the same to the text tower, or rows and
    ///   classes differ in number.
    public init(
        classes: [Class], templates: [String], article: Article = .asWritten, embeddings: Tensor,
        background: Background?, clip: CLIPIdentity
    ) throws {
        do { try ClassNames.check(classes.map(\.name)) } catch let error as CLIPError {
            throw error.about("vocabulary")
        }
        try self.init(
            stored: classes, templates: templates, article: article, embeddings: embeddings,
            background: background, clip: clip)
    }

    /// A vocabulary as a file holds it: earlier versions merged names that differ in case alone.
    init(
        stored classes: [Class], templates: [String], article: Article, embeddings: Tensor,
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

    /// What the classes' categories are called in results files: the ids of their data set; where a class has none, or two
    /// share one, numbers from 1 in the order of the classes, with a sentence that says why.
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
                    numbers, "the classes \"\(owner)\" and \"\(entry.name)\" have one category id, \(id)"
                )
            }
        }
        return (known, nil)
    }

    /// Which classes are base, for scores that weigh them apart; nil when it was not said of every class.
    public var isBase: [Bool]? {
        let splits = classes.compactMap(\.split)
        return splits.count == classes.count ? splits.map { $0 == .base } : nil
    }
}

// MARK: Making vocabularies

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
    ///   - progress: Called with the number of prompts that are done, and of all.
    ///   - note: Called with a sentence for every class whose longest prompts lose their end to the context length.
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

    /// Refuses names that the context length cuts, since what is cut off cannot tell classes apart.
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
                            "\(place) takes \(needed) tokens in the prompt '\(templates.templates[row].text)', "
                            + "the text tower reads \(context): shorten the name or the template")
                }
            }
            note("\(place): \(cut.count) of \(prompts.count) prompts lose their end, behind the name")
        }
    }

    /// The prompts whose embeddings a row is the mean of: of every class in order, and of the background at the end.
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

extension Vocabulary {
    /// A digest of the classes' names and splits, their embeddings and the background's: two vocabularies of one digest give the same
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
