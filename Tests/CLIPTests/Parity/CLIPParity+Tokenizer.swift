import CLIP
import FixtureSupport
import Foundation
import Testing
import WeightFiles

extension CLIPParity {
    /// Every string's ids in all flavors, from all forms of the vocabulary, and the cut and padded rows.
    func compareTokenizer(_ recorded: FixtureCase) throws {
        let parameters = try recorded.parameters
        let exceptions = try Dictionary(
            uniqueKeysWithValues: (parameters.optional("openai_exceptions")?.array ?? []).map {
                (Array(try $0["text"].string.unicodeScalars), try $0["ids"].ints)
            })
        // OpenAI's own tokenizer differs from open_clip's where a text spells out special tokens. A case that
        // was recorded without it says nothing about those texts.
        let hasExceptions = parameters.optional("openai_exceptions") != nil
        let items = try recorded.expected["items"].array
        try #require(!items.isEmpty)
        let texts = try items.map { try $0["text"].string }
        let huggingFace = try items.map { try $0["hf"].ints }
        let openCLIP = try items.map { try ($0.optional("open_clip") ?? $0["hf"]).ints }
        let openAI = zip(texts, openCLIP).map { exceptions[Array($0.unicodeScalars)] ?? $1 }

        let tokenizers = try Self.tokenizers(recorded)
        for tokenizer in tokenizers {
            #expect(try tokenizer.startToken == parameters["start"].int)
            #expect(try tokenizer.endToken == parameters["end"].int)
            for (flavor, want) in [
                (Tokenizer.Flavor.huggingFace, huggingFace), (.openCLIP, openCLIP), (.openAI, openAI),
            ] {
                let prepared = tokenizer.prepared(as: flavor)
                for (text, ids) in zip(texts, want)
                where flavor != .openAI || hasExceptions || !Self.namesSpecialTokens(text) {
                    #expect(prepared.encode(text) == ids, "\(flavor) \(text.debugDescription)")
                }
            }
        }
        try compareRows(recorded, texts, tokenizers[0].prepared(as: .huggingFace), "out.hf77")
        try compareRows(recorded, texts, tokenizers[0].prepared(as: .openCLIP), "out.open_clip77")
    }

    private static func namesSpecialTokens(_ text: String) -> Bool {
        ["<|startoftext|>", "<|endoftext|>", "<start_of_text>", "<end_of_text>"].contains {
            text.lowercased().contains($0)
        }
    }

    private func compareRows(
        _ recorded: FixtureCase, _ texts: [String], _ tokenizer: Tokenizer, _ key: String
    ) throws {
        let context = try recorded.parameters["context"].int
        let some = try recorded.integers("out.rows").map { texts[Int($0)] }
        let batch = try tokenizer.encode(some, contextLength: context)
        let difference = try recorded.difference(key, batch.ids, shape: [some.count, context])
        if let difference { Issue.record("\(difference)") }
    }

    /// The vocabulary as two files, as the list of merges, and as a `tokenizer.json` of the same content.
    private static func tokenizers(_ recorded: FixtureCase) throws -> [Tokenizer] {
        let folder = FileManager.default.temporaryDirectory.appending(path: "fvlm-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let vocabulary = try String(contentsOfFile: recorded.path("vocab.json"), encoding: .utf8)
        let merges = try String(contentsOfFile: recorded.path("merges.txt"), encoding: .utf8)
            .split(separator: "\n").dropFirst().map { String($0) }
        let list = String(decoding: try JSONEncoder().encode(merges), as: UTF8.self)
        try #"{"model": {"type": "BPE", "vocab": \#(vocabulary), "merges": \#(list)}}"#
            .write(to: folder.appending(path: "tokenizer.json"), atomically: true, encoding: .utf8)
        return [
            try Tokenizer(contentsOf: recorded.folder.path),
            try Tokenizer(contentsOf: recorded.path("bpe_simple_vocab_16e6.txt.gz")),
            try Tokenizer(contentsOf: folder.path),
        ]
    }

    /// The texts of a model case, in the rows that its text tower takes.
    func compareTexts(_ recorded: FixtureCase) throws {
        let texts = try recorded.parameters["texts"].strings
        let shape = try recorded.shape("out.input_ids")
        let model = recorded.path("model")
        let isHuggingFace = FileManager.default.fileExists(atPath: model)
        // OpenAI's rows are filled with 0, and these texts are prepared alike in both ways.
        let tokenizer =
            try isHuggingFace
            ? Tokenizer(contentsOf: model) : Tokenizer(contentsOf: recorded.folder.path, flavor: .openAI)
        let batch = try tokenizer.encode(texts, contextLength: shape[1])
        if let difference = try recorded.difference("out.input_ids", batch.ids, shape: shape) {
            Issue.record("\(difference)")
        }
        if recorded.has("out.attention_mask") {
            let difference = try recorded.difference("out.attention_mask", batch.attentionMask, shape: shape)
            if let difference { Issue.record("\(difference)") }
        }
        if let ids = recorded.optionalExpectation("unpadded_ids_of_first_text") {
            #expect(try tokenizer.encode(texts[0]) == ids.ints)
        }
        #expect(try batch.tensor().shape == shape)
    }
}
