import Foundation
import Support

/// A token added to a finished vocabulary: matched verbatim in a text before it is split into words.
///
/// Read from `tokenizer.json`, `added_tokens.json` and `tokenizer_config.json`, the places where Hugging Face's
/// libraries store it.
struct AddedToken: Sendable, Hashable {
    /// The token's text.
    let content: String

    /// Its id.
    let id: Int

    /// Whether it is searched for in the lowercased text rather than in the original.
    let isNormalized: Bool

    /// Whether it must not be part of a longer word.
    let isSingleWord: Bool

    /// The tokens in a list of objects, as in `tokenizer.json`.
    static func list(_ json: JSONValue?) throws -> [AddedToken] {
        guard let json else { return [] }
        guard case .array(let entries) = json else {
            throw CLIPError(reason: "\"added_tokens\" is not a list")
        }
        return try entries.map { try AddedToken($0, id: $0["id"]) }
    }

    private init(_ json: JSONValue, id: JSONValue?) throws {
        guard case .string(let content)? = json["content"], !content.isEmpty, case .integer(let id)? = id,
            id >= 0, id <= Int(Int32.max)
        else { throw CLIPError(reason: "an added token is \(json), which lacks a text or an id") }
        func flag(_ key: String, _ usual: Bool) -> Bool {
            if case .boolean(let value)? = json[key] { value } else { usual }
        }
        self.content = content
        self.id = id
        isNormalized = flag("normalized", !flag("special", false))
        isSingleWord = flag("single_word", false)
    }

    init(content: String, id: Int, isNormalized: Bool = true) {
        self.content = content
        self.id = id
        self.isNormalized = isNormalized
        isSingleWord = false
    }

    /// All tokens added by the files of a folder.
    /// - Parameters:
    ///   - known: The vocabulary, whose id is used if it has the token.
    ///   - other: Tokens that are handled separately.
    ///   - inFile: Adds the path to errors.
    static func all(
        in folder: String, known: [String: Int], other: Set<String>,
        inFile: (String, () throws -> [AddedToken]) throws -> [AddedToken]
    ) throws -> [AddedToken] {
        let readers: [(name: String, read: (JSONValue) throws -> [AddedToken])] = [
            ("tokenizer.json", { try list($0["added_tokens"]) }),
            ("tokenizer_config.json", { try table($0["added_tokens_decoder"]) }),
            ("added_tokens.json", { try ids($0) }),
        ]
        var found: [String: AddedToken] = [:]
        for (name, read) in readers {
            let path = folder + "/" + name
            guard FileStatus(path) != nil else { continue }
            let tokens = try inFile(path) {
                let tokens = try read(JSONValue(file: path))
                for token in tokens {
                    guard let id = known[token.content] ?? found[token.content]?.id, id != token.id else {
                        continue
                    }
                    throw CLIPError(
                        reason: "gives '\(token.content)' the id \(token.id), elsewhere it is \(id)")
                }
                return tokens
            }
            for token in tokens where found[token.content] == nil { found[token.content] = token }
        }
        return found.values.filter { !other.contains($0.content) }.sorted { $0.id < $1.id }
    }

    /// `{"49408": {"content": "<cat>", ...}}`.
    private static func table(_ json: JSONValue?) throws -> [AddedToken] {
        guard case .object(let values)? = json else { return [] }
        return try values.map { key, value in
            try AddedToken(value, id: Int(key).map { .integer($0) })
        }
    }

    /// `{"<cat>": 49408}`.
    private static func ids(_ json: JSONValue) throws -> [AddedToken] {
        guard case .object(let values) = json else {
            throw CLIPError(reason: "is not an object of tokens and ids")
        }
        return try values.map { content, id in
            guard case .integer(let id) = id, id >= 0, id <= Int(Int32.max), !content.isEmpty else {
                throw CLIPError(reason: "'\(content)' has \(id) instead of an id")
            }
            return AddedToken(content: content, id: id)
        }
    }
}

/// Finds added tokens in a text: the leftmost match, the longest if several start there.
struct AddedTokenFinder: Sendable {
    private let tokens: [Unicode.Scalar: [(text: [Unicode.Scalar], id: Int32, isSingleWord: Bool)]]

    /// - Parameter text: The form of a token in the searched texts.
    init(_ tokens: [AddedToken], _ text: (AddedToken) -> [Unicode.Scalar]) {
        let entries = tokens.map { (text: text($0), id: Int32($0.id), isSingleWord: $0.isSingleWord) }
            .filter { !$0.text.isEmpty }
        self.tokens = Dictionary(grouping: entries, by: { $0.text[0] }).mapValues {
            $0.sorted { $0.text.count > $1.text.count }
        }
    }

    var isEmpty: Bool { tokens.isEmpty }

    /// The tokens in a text and the text between them, in order.
    func split(
        _ text: ArraySlice<Unicode.Scalar>, token: (Int32) -> Void, rest: (ArraySlice<Unicode.Scalar>) -> Void
    ) {
        var begin = text.startIndex
        var at = begin
        while at < text.endIndex {
            guard let found = match(text, at) else {
                at += 1
                continue
            }
            if at > begin { rest(text[begin..<at]) }
            token(found.id)
            at += found.length
            begin = at
        }
        if begin < text.endIndex { rest(text[begin...]) }
    }

    private func match(_ text: ArraySlice<Unicode.Scalar>, _ at: Int) -> (id: Int32, length: Int)? {
        guard let candidates = tokens[text[at]] else { return nil }
        for candidate in candidates where text[at...].starts(with: candidate.text) {
            let end = at + candidate.text.count
            func isWord(_ index: Int) -> Bool {
                text.indices.contains(index)
                    && (text[index].isLetter || text[index].isNumber || text[index] == "_")
            }
            if candidate.isSingleWord, isWord(at - 1) || isWord(end) { continue }
            return (candidate.id, candidate.text.count)
        }
        return nil
    }
}
