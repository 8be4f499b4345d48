import Foundation
import Torch

/// What is doubtful about the names of a vocabulary: what makes detections worse, or mean something else than was meant.
public struct VocabularyCheck: Sendable {
    /// Something doubtful.
    public struct Finding: Sendable, Hashable, Codable {
        /// The kinds of findings.
        public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
            /// Names that are nearly the same to this CLIP: their scores are too.
            case nearDuplicates
            /// Names that differ by words that contradict each other, which a CLIP hardly tells apart.
            case contradiction
            /// A name of which the text tower does not read the end.
            case cut
            /// Letters of a script that CLIP's vocabulary knows only as bytes.
            case script
            /// A point or comma inside a name, perhaps a list that was meant to be several names.
            case punctuation
        }

        /// The kind.
        public var kind: Kind
        /// The names.
        public var names: [String]
        /// The cosine of two names' embeddings; nil for findings about one name.
        public var cosine: Double?
        /// A sentence that says what is doubtful.
        public var text: String
    }

    /// The findings, by kind, then in the order of the classes.
    public let findings: [Finding]

    /// Checks a vocabulary.
    /// - Parameters:
    ///   - vocabulary: The vocabulary to check.
    ///   - nearness: The cosine at and above which names are near-duplicates.
    ///   - tokenizer: The CLIP's, to find names that are cut; nil leaves that out.
    ///   - contextLength: The number of tokens that its text tower reads.
    /// - Throws: ``CLIPError``, `TorchError`.
    public init(
        _ vocabulary: Vocabulary, nearness: Double = 0.95, tokenizer: Tokenizer? = nil,
        contextLength: Int = 77
    ) throws {
        guard nearness > 0, nearness <= 1 else {
            throw CLIPError(
                "vocabulary", reason: "a bound of cosines is above 0 and at most 1, not \(nearness)")
        }
        let rows = try vocabulary.matrix(for: vocabulary.clip)
        var found = try Self.pairs(vocabulary.names, rows, nearness)
        found += try Self.contradictions(vocabulary.names, rows)
        for entry in vocabulary.classes {
            for name in [entry.name] + entry.synonyms {
                if let tokenizer {
                    found += try Self.cut(name, vocabulary, tokenizer, contextLength)
                }
                found += Self.spelling(name)
            }
        }
        let kinds = Finding.Kind.allCases
        findings = kinds.flatMap { kind in found.filter { $0.kind == kind } }
    }

    private static func pairs(_ names: [String], _ rows: Tensor, _ nearness: Double) throws -> [Finding] {
        var found: [Finding] = []
        // A block of rows at a time, so that memory does not grow with the square of the number of classes.
        for start in stride(from: 0, to: names.count, by: 256) {
            let end = min(start + 256, names.count)
            let cosines = try rows[start..<end].matmul(rows.transposed(0, 1)).array(of: Float.self)
            for row in start..<end {
                for other in (row + 1)..<max(names.count, row + 1) {
                    let cosine = Double(cosines[(row - start) * names.count + other])
                    guard cosine >= nearness else { continue }
                    found.append(
                        Finding(
                            kind: .nearDuplicates, names: [names[row], names[other]], cosine: cosine,
                            text:
                                "'\(names[row])' and '\(names[other])' are nearly the same to this CLIP: keep one, "
                                + "or expect both on every object of the two"))
                }
            }
        }
        return found
    }

    /// Words of which a name has one where another name has the other, or none.
    private static let opposites: [(String, String)] = [
        ("with", "without"), ("with", "no"), ("open", "closed"), ("full", "empty"), ("on", "off"),
        ("left", "right"), ("up", "down"), ("clean", "dirty"), ("wet", "dry"), ("new", "old"),
        ("standing", "sitting"), ("standing", "lying"), ("moving", "parked"), ("ripe", "unripe"),
        ("broken", "intact"), ("male", "female"), ("man", "woman"), ("light", "dark"), ("big", "small"),
        ("large", "small"), ("hot", "cold"), ("inside", "outside"),
    ]

    private static let negations: Set<String> = ["no", "not", "non", "without"]

    private static func words(_ name: String) -> [String] {
        ClassNames.readable(name).lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init)
    }

    private static func contradictions(_ names: [String], _ rows: Tensor) throws -> [Finding] {
        // What is left of a name without one of its words, and that word.
        var groups: [String: [(place: Int, word: String)]] = [:]
        for (place, name) in names.enumerated() {
            let words = words(name)
            groups[words.joined(separator: " "), default: []].append((place, ""))
            for index in words.indices {
                let word = words[index]
                // One word in the place of another, and a negation that the other name lacks.
                for mark in negations.contains(word) ? ["*", ""] : ["*"] {
                    var rest = words
                    rest[index] = mark
                    groups[rest.filter { !$0.isEmpty }.joined(separator: " "), default: []].append(
                        (place, word))
                }
            }
        }
        func contradict(_ one: String, _ other: String) -> Bool {
            if one.isEmpty { return negations.contains(other) }
            if other.isEmpty { return negations.contains(one) }
            return opposites.contains { ($0 == one && $1 == other) || ($1 == one && $0 == other) }
        }
        var pairs: Set<[Int]> = []
        for group in groups.values where group.count > 1 {
            for (index, one) in group.enumerated() {
                for other in group[(index + 1)...]
                where one.place != other.place && contradict(one.word, other.word) {
                    pairs.insert([min(one.place, other.place), max(one.place, other.place)])
                }
            }
        }
        return try pairs.sorted { $0.lexicographicallyPrecedes($1) }.map { pair in
            let cosine = try (rows[pair[0]] * rows[pair[1]]).sum().item()
            let (one, other) = (names[pair[0]], names[pair[1]])
            return Finding(
                kind: .contradiction, names: [one, other], cosine: cosine,
                text:
                    "'\(one)' and '\(other)' contradict each other, but CLIPs hardly read negations: make them an "
                    + "exclusive group, or show examples of both")
        }
    }

    private static func cut(
        _ name: String, _ vocabulary: Vocabulary, _ tokenizer: Tokenizer, _ context: Int
    ) throws -> [Finding] {
        let readable = ClassNames.readable(name)
        let longest =
            vocabulary.templates.map { template in
                let prompt = PromptTemplate(trusted: template).prompt(
                    for: readable, article: vocabulary.article)
                let end = prompt.range(of: readable, options: .backwards)?.upperBound ?? prompt.endIndex
                return tokenizer.encode(String(prompt[..<end])).count
            }.max() ?? 0
        guard longest > context else { return [] }
        return [
            Finding(
                kind: .cut, names: [name],
                text: "'\(name)' needs \(longest) tokens with its longest template, but the text tower reads "
                    + "\(context): its end is cut")
        ]
    }

    private static func spelling(_ name: String) -> [Finding] {
        var found: [Finding] = []
        let letters = name.unicodeScalars.filter { $0.properties.isAlphabetic }
        // Latin letters with all their accents end before Greek.
        if let other = letters.first(where: { $0.value > 0x24F }) {
            found.append(
                Finding(
                    kind: .script, names: [name],
                    text:
                        "'\(name)' has letters such as '\(Character(other))' of a script that CLIPs trained on English "
                        + "captions have hardly seen"))
        }
        let inner = name.trimmingCharacters(in: .whitespaces)
        let isList = inner.dropLast().contains { ",;".contains($0) } || inner.contains(". ")
        if isList || inner.hasSuffix(".") {
            found.append(
                Finding(
                    kind: .punctuation, names: [name],
                    text:
                        "'\(name)' contains a point or comma and is one name: if several were meant, write one per line"
                ))
        }
        return found
    }
}
