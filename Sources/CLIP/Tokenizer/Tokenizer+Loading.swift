import Foundation
import Support
import WeightFiles

extension Tokenizer {
    /// Loads the tokenizer of a model folder or file.
    ///
    /// A folder may hold `vocab.json` with `merges.txt`, `tokenizer.json`, or `bpe_simple_vocab_16e6.txt.gz`;
    /// the first of these that is there is taken. A file may be a `tokenizer.json` or a list of merges
    /// (`bpe_simple_vocab_16e6.txt`, also `.gz`).
    ///
    /// - Parameter flavor: How text is prepared. By default as the files' kind is used: OpenAI's way for a list
    ///   of merges, Hugging Face's for the others.
    /// - Throws: ``TokenizerError`` with the path.
    public convenience init(contentsOf path: String, flavor: Flavor? = nil) throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw TokenizerError(file: path, reason: "does not exist")
        }
        guard isFolder.boolValue else {
            if path.hasSuffix(".json") {
                try self.init(tokenizerFile: path, flavor: flavor ?? .huggingFace)
            } else {
                try self.init(mergeList: path, flavor: flavor ?? .openAI)
            }
            return
        }
        func file(_ name: String) -> String? {
            let file = path + "/" + name
            return FileManager.default.fileExists(atPath: file) ? file : nil
        }
        if let vocabulary = file("vocab.json"), let merges = file("merges.txt") {
            try self.init(vocabulary: vocabulary, merges: merges, flavor: flavor ?? .huggingFace)
        } else if let tokenizer = file("tokenizer.json") {
            try self.init(tokenizerFile: tokenizer, flavor: flavor ?? .huggingFace)
        } else if let list = file("bpe_simple_vocab_16e6.txt.gz") ?? file("bpe_simple_vocab_16e6.txt") {
            try self.init(mergeList: list, flavor: flavor ?? .openAI)
        } else {
            throw TokenizerError(
                file: path,
                reason:
                    "has no vocab.json with merges.txt, no tokenizer.json and no bpe_simple_vocab_16e6.txt.gz"
            )
        }
    }

    /// Loads a vocabulary `{symbol: id}` and its merges, a pair a line, earliest first.
    ///
    /// The padding token is read from `tokenizer_config.json` or `special_tokens_map.json` beside the
    /// vocabulary, where they name one.
    public convenience init(vocabulary: String, merges: String, flavor: Flavor = .huggingFace) throws {
        let ids = try Self.inFile(vocabulary) { try Self.ids(JSONValue(file: vocabulary)) }
        let pairs = try Self.inFile(merges) { try Self.pairs(Self.text(merges)) }
        let folder = URL(filePath: vocabulary).deletingLastPathComponent().path
        let padding = try flavor == .huggingFace ? Self.paddingToken(folder: folder, ids) : nil
        try self.init(ids: ids, pairs: pairs, flavor: flavor, padding: padding, file: vocabulary)
    }

    /// Loads a `tokenizer.json` of Hugging Face's tokenizers library.
    public convenience init(tokenizerFile path: String, flavor: Flavor = .huggingFace) throws {
        let (ids, pairs) = try Self.inFile(path) { () throws -> ([String: Int], [(String, String)]) in
            let json = try JSONValue(file: path)
            guard let model = json["model"], let vocabulary = model["vocab"],
                case .array(let list)? = model["merges"]
            else { throw TokenizerError(reason: "has no model with vocab and merges") }
            if let suffix = model["end_of_word_suffix"], suffix != .string(BytePairEncoding.endOfWord) {
                throw TokenizerError(
                    reason: "is not CLIP's kind of tokenizer: its end_of_word_suffix is \(suffix)")
            }
            var ids = try Self.ids(vocabulary)
            if case .array(let added)? = json["added_tokens"] {
                for token in added {
                    if case .string(let content)? = token["content"], case .integer(let id)? = token["id"] {
                        ids[content] = id
                    }
                }
            }
            let pairs = try list.map { entry -> (String, String) in
                switch entry {
                case .string(let text): return try Self.pair(Substring(text))
                case .array(let parts):
                    if case (.string(let first)?, .string(let second)?) = (parts.first, parts.last),
                        parts.count == 2
                    {
                        return (first, second)
                    }
                    fallthrough
                default: throw TokenizerError(reason: "a merge is \(entry), not a pair of symbols")
                }
            }
            return (ids, pairs)
        }
        let folder = URL(filePath: path).deletingLastPathComponent().path
        let padding = try flavor == .huggingFace ? Self.paddingToken(folder: folder, ids) : nil
        try self.init(ids: ids, pairs: pairs, flavor: flavor, padding: padding, file: path)
    }

    /// Loads OpenAI's list of merges, `bpe_simple_vocab_16e6.txt`, compressed or not. The vocabulary follows
    /// from it: the bytes, the bytes at the end of a word, the results of the first 48,894 merges, and the two
    /// special tokens.
    public convenience init(mergeList path: String, flavor: Flavor = .openAI) throws {
        let pairs = try Self.inFile(path) { Array(try Self.pairs(Self.text(path)).prefix(49_152 - 256 - 2)) }
        let printable = BytePairEncoding.byteSymbols.filter {
            $0.unicodeScalars.allSatisfy { $0.value < 0x100 }
        }
        let others = BytePairEncoding.byteSymbols.filter {
            $0.unicodeScalars.allSatisfy { $0.value >= 0x100 }
        }
        let bytes = (printable + others).map { String($0) }
        let symbols =
            bytes + bytes.map { $0 + BytePairEncoding.endOfWord } + pairs.map { $0.0 + $0.1 }
            + [Self.startName, Self.endName]
        // A symbol that two merges make keeps the later id, as in the reference's dictionary.
        let ids = Dictionary(zip(symbols, 0...), uniquingKeysWith: { $1 })
        try self.init(ids: ids, pairs: pairs, flavor: flavor, padding: nil, file: path)
    }

    private static let startName = "<|startoftext|>"
    private static let endName = "<|endoftext|>"

    private convenience init(
        ids: [String: Int], pairs: [(String, String)], flavor: Flavor, padding: Int?, file: String
    ) throws {
        guard let start = ids[Self.startName] ?? ids["<start_of_text>"],
            let end = ids[Self.endName] ?? ids["<end_of_text>"]
        else { throw TokenizerError(file: file, reason: "lacks \(Self.startName) or \(Self.endName)") }
        let encoding = try Self.inFile(file) { try BytePairEncoding(ids: ids, merges: pairs) }
        try self.init(
            encoding: encoding, flavor: flavor, startToken: start, endToken: end, paddingToken: padding)
    }

    // MARK: Parts

    private static func ids(_ json: JSONValue) throws -> [String: Int] {
        guard case .object(let values) = json else {
            throw TokenizerError(reason: "the vocabulary is no object")
        }
        return try values.mapValues {
            guard case .integer(let id) = $0 else {
                throw TokenizerError(reason: "\($0) is no id of a symbol")
            }
            return id
        }
    }

    private static func pairs(_ text: String) throws -> [(String, String)] {
        var pairs: [(String, String)] = []
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            // The first line of both kinds of files is a remark.
            if line.isEmpty || (number == 0 && (line.hasPrefix("#") || line.hasPrefix("\""))) { continue }
            do {
                pairs.append(try pair(line))
            } catch let error as TokenizerError {
                throw TokenizerError(reason: "line \(number + 1): \(error.reason)")
            }
        }
        return pairs
    }

    private static func pair(_ text: Substring) throws -> (String, String) {
        let parts = text.split(whereSeparator: { $0 == " " || $0 == "\r" })
        guard parts.count == 2 else { throw TokenizerError(reason: "'\(text)' is no pair of symbols") }
        return (String(parts[0]), String(parts[1]))
    }

    private static func text(_ path: String) throws -> String {
        let data = try Data(contentsOf: URL(filePath: path))
        let bytes = data.starts(with: [0x1F, 0x8B]) ? try Gzip.inflate(data) : Array(data)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw TokenizerError(reason: "is no UTF-8 text")
        }
        return text
    }

    private static func paddingToken(folder: String, _ ids: [String: Int]) throws -> Int? {
        for name in ["tokenizer_config.json", "special_tokens_map.json"] {
            let path = folder + "/" + name
            guard FileManager.default.fileExists(atPath: path) else { continue }
            let entry = try inFile(path) { try JSONValue(file: path)["pad_token"] }
            guard case .string(let token)? = entry?["content"] ?? entry else { continue }
            guard let id = ids[token] else {
                throw TokenizerError(file: path, reason: "the pad_token '\(token)' is not in the vocabulary")
            }
            return id
        }
        return nil
    }

    /// Adds the path to errors.
    private static func inFile<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as TokenizerError {
            throw TokenizerError(file: path, reason: error.reason)
        } catch let error as JSONReader.Failure {
            throw TokenizerError(file: path, reason: "byte \(error.position): \(error.reason)")
        } catch {
            throw TokenizerError(file: path, reason: "cannot be read: \(error.localizedDescription)")
        }
    }
}

extension JSONValue {
    init(file path: String) throws {
        let data = try Data(contentsOf: URL(filePath: path))
        self = try data.withUnsafeBytes { try JSONValue(parsing: $0) }
    }

    /// The value of a key, nil when this is no object or has no such key or null there.
    subscript(_ key: String) -> JSONValue? {
        guard case .object(let values) = self, let value = values[key], value != .null else { return nil }
        return value
    }
}
