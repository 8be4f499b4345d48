import Foundation
import Support

extension Tokenizer {
    /// Loads the tokenizer from a model folder or a file.
    ///
    /// A folder may contain `vocab.json` with `merges.txt`, `tokenizer.json`, or `bpe_simple_vocab_16e6.txt.gz`; the
    /// first one found is used. A file may be a `tokenizer.json` or a list of merges (`bpe_simple_vocab_16e6.txt`, also
    /// `.gz`).
    ///
    /// - Parameters:
    ///   - path: The folder or file.
    ///   - flavor: How text is prepared. By default, OpenAI's preparation for a list of merges and Hugging Face's for
    ///     other files.
    /// - Throws: ``CLIPError`` with the path.
    public convenience init(contentsOf path: String, flavor: Flavor? = nil) throws {
        guard let kind = FileStatus(path)?.kind else {
            throw CLIPError(path, reason: "does not exist", exitStatus: .failure)
        }
        guard kind == .folder else {
            if path.hasSuffix(".json") {
                try self.init(tokenizerFile: path, flavor: flavor ?? .huggingFace)
            } else {
                try self.init(mergeList: path, flavor: flavor ?? .openAI)
            }
            return
        }
        func file(_ name: String) -> String? {
            let file = path + "/" + name
            return FileStatus(file) != nil ? file : nil
        }
        if let vocabulary = file("vocab.json"), let merges = file("merges.txt") {
            try self.init(vocabulary: vocabulary, merges: merges, flavor: flavor ?? .huggingFace)
        } else if let tokenizer = file("tokenizer.json") {
            try self.init(tokenizerFile: tokenizer, flavor: flavor ?? .huggingFace)
        } else if let list = file("bpe_simple_vocab_16e6.txt.gz") ?? file("bpe_simple_vocab_16e6.txt") {
            try self.init(mergeList: list, flavor: flavor ?? .openAI)
        } else {
            throw CLIPError(
                path,
                reason:
                    "has no vocab.json with merges.txt, no tokenizer.json and no bpe_simple_vocab_16e6.txt.gz"
            )
        }
    }

    /// Loads a vocabulary `{symbol: id}` and its merges, one pair per line, earliest first.
    ///
    /// The padding token and added tokens are read from the files next to the vocabulary; see `AddedToken`.
    public convenience init(vocabulary: String, merges: String, flavor: Flavor = .huggingFace) throws {
        let ids = try Self.inFile(vocabulary) { try Self.ids(JSONValue(file: vocabulary)) }
        let pairs = try Self.inFile(merges) { try Self.pairs(Self.lines(merges)) }
        try self.init(ids: ids, pairs: pairs, flavor: flavor, file: vocabulary)
    }

    /// Loads a `tokenizer.json` of Hugging Face's tokenizers library.
    public convenience init(tokenizerFile path: String, flavor: Flavor = .huggingFace) throws {
        let (ids, pairs) = try Self.inFile(path) { () throws -> ([String: Int], [(String, String)]) in
            let json = try JSONValue(file: path)
            guard let model = json["model"], let vocabulary = model["vocab"],
                case .array(let list)? = model["merges"]
            else { throw CLIPError(reason: "has no model with vocab and merges") }
            try Self.checkKind(json)
            var ids = try Self.ids(vocabulary)
            for token in try AddedToken.list(json["added_tokens"]) { ids[token.content] = token.id }
            return (ids, try list.map(Self.pair(of:)))
        }
        try self.init(ids: ids, pairs: pairs, flavor: flavor, file: path)
    }

    private static func pair(of entry: JSONValue) throws -> (String, String) {
        switch entry {
        case .string(let text): return try pair(Substring(text))
        case .array(let parts):
            if case (.string(let first)?, .string(let second)?) = (parts.first, parts.last), parts.count == 2
            {
                return (first, second)
            }
            fallthrough
        default: throw CLIPError(reason: "a merge is \(entry), not a pair of symbols")
        }
    }

    /// Rejects a `tokenizer.json` that splits text differently from CLIP's.
    private static func checkKind(_ json: JSONValue) throws {
        func kinds(_ value: JSONValue?, _ list: String) -> Set<String>? {
            guard let value, case .string(let kind)? = value["type"] else { return nil }
            guard case .array(let parts)? = value[list], kind == "Sequence" else { return [kind] }
            return Set(parts.compactMap { if case .string(let kind)? = $0["type"] { kind } else { nil } })
        }
        func refuse(_ what: String, _ value: Any) -> CLIPError {
            CLIPError(reason: "is not a tokenizer of CLIP's kind: its \(what) is \(value)")
        }
        if let kinds = kinds(json["normalizer"], "normalizers"),
            !kinds.isSubset(of: ["NFC", "Replace", "Lowercase"])
                || !kinds.isSuperset(of: ["NFC", "Lowercase"])
        {
            throw refuse("normalizer", kinds.sorted().joined(separator: ", "))
        }
        if let kinds = kinds(json["pre_tokenizer"], "pretokenizers"), kinds != ["Split", "ByteLevel"] {
            throw refuse("pre_tokenizer", kinds.sorted().joined(separator: ", "))
        }
        for (key, value) in [
            ("type", "BPE"), ("end_of_word_suffix", BytePairEncoding.endOfWord),
            ("continuing_subword_prefix", ""),
        ] {
            if let found = json["model"]?[key], found != .string(value) { throw refuse(key, found) }
        }
    }

    /// Loads OpenAI's list of merges, `bpe_simple_vocab_16e6.txt`, compressed or not. The vocabulary follows from it:
    /// the bytes, the bytes at the end of a word, the results of the first 48,894 merges, and the two special tokens.
    public convenience init(mergeList path: String, flavor: Flavor = .openAI) throws {
        let pairs = try Self.inFile(path) { Array(try Self.pairs(Self.lines(path)).prefix(49_152 - 256 - 2)) }
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
        // A symbol produced by two merges keeps the later id, as in the reference's dictionary.
        let ids = Dictionary(zip(symbols, 0...), uniquingKeysWith: { $1 })
        try self.init(ids: ids, pairs: pairs, flavor: flavor, file: path)
    }

    static let startName = "<|startoftext|>"
    static let endName = "<|endoftext|>"

    /// Creates a tokenizer from the contents of `file` and the additions of the files next to it.
    private convenience init(
        ids: [String: Int], pairs: [(String, String)], flavor: Flavor, file: String
    ) throws {
        guard let start = ids[Self.startName] ?? ids["<start_of_text>"],
            let end = ids[Self.endName] ?? ids["<end_of_text>"]
        else { throw CLIPError(file, reason: "lacks \(Self.startName) or \(Self.endName)") }
        let encoding = try Self.inFile(file) { try BytePairEncoding(ids: ids, merges: pairs) }
        let folder = Path.parent(file)
        let added = try AddedToken.all(
            in: folder, known: ids,
            other: [Self.startName, Self.endName, "<start_of_text>", "<end_of_text>"], inFile: Self.inFile)
        guard flavor == .huggingFace || added.isEmpty else {
            throw CLIPError(
                file,
                reason: "has added tokens (\(added.prefix(5).map(\.content).joined(separator: ", "))), which "
                    + "only Hugging Face's preparation of text supports")
        }
        let padding = try flavor == .huggingFace ? Self.paddingToken(folder: folder, ids, added) : nil
        try self.init(
            encoding: encoding, flavor: flavor, startToken: start, endToken: end, paddingToken: padding,
            added: added)
    }

    // MARK: Parts

    private static func ids(_ json: JSONValue) throws -> [String: Int] {
        guard case .object(let values) = json else {
            throw CLIPError(reason: "the vocabulary is not an object")
        }
        return try values.mapValues {
            guard case .integer(let id) = $0 else {
                throw CLIPError(reason: "\($0) is not the id of a symbol")
            }
            return id
        }
    }

    private static func pairs(_ lines: [Substring]) throws -> [(String, String)] {
        var pairs: [(String, String)] = []
        for (number, line) in lines.enumerated() {
            // The first line of both kinds of files is a comment.
            if line.isEmpty || (number == 0 && (line.hasPrefix("#") || line.hasPrefix("\""))) { continue }
            do {
                pairs.append(try pair(line))
            } catch let error as CLIPError {
                throw CLIPError(reason: "line \(number + 1): \(error.reason)")
            }
        }
        return pairs
    }

    private static func pair(_ text: Substring) throws -> (String, String) {
        let parts = text.split(separator: " ")
        guard parts.count == 2 else { throw CLIPError(reason: "'\(text)' is not a pair of symbols") }
        return (String(parts[0]), String(parts[1]))
    }

    /// The lines of a file, compressed or not.
    private static func lines(_ path: String) throws -> [Substring] {
        do {
            let file = try FileBytes(contentsOf: path, access: .read)
            let bytes = file.array
            return try (bytes.starts(with: [0x1F, 0x8B]) ? Gzip.inflate(Data(bytes)) : bytes)
                .withUnsafeBytes { try TextFile($0, path: path).lines }
        } catch let error as FileFailure { throw CLIPError(error) }
    }

    private static func paddingToken(
        folder: String, _ ids: [String: Int], _ added: [AddedToken]
    ) throws -> Int? {
        for name in ["tokenizer_config.json", "special_tokens_map.json"] {
            let path = folder + "/" + name
            guard FileStatus(path) != nil else { continue }
            let entry = try inFile(path) { try JSONValue(file: path)["pad_token"] }
            guard case .string(let token)? = entry?["content"] ?? entry else { continue }
            guard let id = ids[token] ?? added.first(where: { $0.content == token })?.id else {
                throw CLIPError(path, reason: "the pad_token '\(token)' is not in the vocabulary")
            }
            return id
        }
        return nil
    }

    /// Adds the path to errors.
    private static func inFile<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as CLIPError {
            throw error.about(path)
        } catch let error as JSONReader.Failure {
            throw CLIPError(path, reason: "byte \(error.position): \(error.reason)")
        } catch let failure as FileFailure {
            throw CLIPError(failure)
        } catch {
            throw CLIPError(path, reason: "cannot be read: \(error.localizedDescription)")
        }
    }
}

extension JSONValue {
    init(file path: String) throws {
        let file = try FileBytes(contentsOf: path)
        self = try withExtendedLifetime(file) { try JSONValue(parsing: file.bytes) }
    }

    /// The value of a key; nil if this is not an object, the key is missing or its value is null.
    subscript(_ key: String) -> JSONValue? {
        guard case .object(let values) = self, let value = values[key], value != .null else { return nil }
        return value
    }
}
