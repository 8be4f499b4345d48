import FixtureSupport
import Foundation
import Testing

@testable import CLIP

@Suite struct TokenizerTests {
    private static let folder = Fixtures.folder("clip").appending(path: "tokenizer").path
    private static let loaded = Result { try Tokenizer(contentsOf: folder) }

    @Test func concurrentCallersGetTheSameIDs() async throws {
        let tokenizer = try Self.loaded.get()
        let texts = (0..<200).map { "a photo of a \($0)th naïve cat number \($0 * 7919)" }
        let want = texts.map { tokenizer.encode($0) }
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { #expect(texts.map { tokenizer.encode($0) } == want) }
            }
        }
    }

    @Test func theCacheForgetsWithoutHarm() throws {
        let tokenizer = try Self.loaded.get()
        let cat = tokenizer.encode("cat")
        // More distinct words than the cache holds.
        for number in 0..<20_000 {
            let letters = String(number, radix: 26).map {
                Character(Unicode.Scalar($0.asciiValue! % 26 + 97))
            }
            _ = tokenizer.encode("q\(String(letters))z")
        }
        #expect(tokenizer.encode("cat") == cat)
    }

    /// Words long enough for the queue are merged as the simple search does it.
    @Test func longWordsAreMergedLikeShortOnes() throws {
        let tokenizer = try Self.loaded.get()
        let word = String(repeating: "antidisestablishmentarianism", count: 3)
        let ids = tokenizer.encode(word).dropFirst().dropLast().map { Int64($0) }
        let symbols = Dictionary(uniqueKeysWithValues: tokenizer.encoding.ids.map { ($1, $0) })
        #expect(ids.compactMap { symbols[Int($0)] }.joined() == word + "</w>")
        // Ends of different lengths do not change how the beginning is taken apart.
        let longer = tokenizer.encode(word + word).dropFirst().dropLast()
        #expect(longer.prefix(5).map { Int64($0) } == ids.prefix(5).map { $0 })
        // A hostile word is no quadratic work.
        #expect(tokenizer.encode(String(repeating: "ab", count: 200_000)).count > 2)
    }

    @Test func rowsWithoutPlaceAreErrors() throws {
        let tokenizer = try Self.loaded.get()
        #expect(throws: CLIPError.self) { try tokenizer.encode(["a"], contextLength: 1) }
        #expect(throws: CLIPError.self) { try tokenizer.encode(["a"], contextLength: -3) }
        let batch = try tokenizer.encode(["a cat", ""], contextLength: 3)
        #expect(batch.ids == [49406, 320, 49407, 49406, 49407, 49407])
        #expect(batch.lengths == [3, 2])
        #expect(batch.attentionMask == [1, 1, 1, 1, 1, 0])
        #expect(batch.row(1) == [49406, 49407])
        #expect(try tokenizer.encode([]).ids.isEmpty)
    }

    @Test func damagedFilesAreErrorsWithThePath() throws {
        let place = FileManager.default.temporaryDirectory.appending(path: "fvlm-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: place) }
        func write(_ name: String, _ data: some DataProtocol) throws -> String {
            let file = place.appending(path: name)
            try Data(data).write(to: file)
            return file.path
        }
        func refused(_ path: String, saying text: String) {
            let error = #expect(throws: CLIPError.self) { try Tokenizer(contentsOf: path) }
            #expect(error?.description.contains(text) == true, "\(error?.description ?? "")")
            #expect(error?.subject.hasPrefix(place.path) == true)
        }
        refused(place.appending(path: "missing").path, saying: "does not exist")
        refused(place.path, saying: "vocab.json")
        let list = try Data(contentsOf: URL(filePath: Self.folder + "/bpe_simple_vocab_16e6.txt.gz"))
        refused(try write("short.txt.gz", list.prefix(list.count / 2)), saying: "gzip")
        refused(try write("text.txt", Data("a b c\n".utf8)), saying: "line 1")
        refused(try write("latin.txt", Data([0x41, 0xE9, 0x20, 0x42])), saying: "UTF-8")
        refused(try write("a.json", Data("{".utf8)), saying: "byte")
        refused(try write("b.json", Data("{}".utf8)), saying: "model")
        refused(
            try write("c.json", Data(#"{"model": {"vocab": {"a": 0}, "merges": ["a b"]}}"#.utf8)),
            saying: "endoftext")
        refused(
            try write("d.json", Data(#"{"model": {"vocab": {"a": 0}, "merges": [["a"]]}}"#.utf8)),
            saying: "pair")
        _ = try write("merges.txt", Data("#version: 0.2\n".utf8))
        _ = try write("vocab.json", Data(#"{"<|startoftext|>": 0, "<|endoftext|>": 1}"#.utf8))
        refused(place.path, saying: "not in the vocabulary")
    }

    @Test func specialTokensAreThoseOfTheFlavor() throws {
        let huggingFace = try Self.loaded.get()
        #expect(huggingFace.paddingToken == huggingFace.endToken)
        #expect(huggingFace.vocabularyCount == 49408)
        let openAI = try Self.loaded.get().prepared(as: .openAI)
        #expect(openAI.paddingToken == 0)
        #expect(openAI.encode("<|endoftext|>") == [49406, 49407, 49407])
        let openCLIP = try Self.loaded.get().prepared(as: .openCLIP)
        #expect(openCLIP.encode("<end_of_text>") == [49406, 49407, 49407])
    }

    // MARK: Files as users have them

    private static let names = ["vocab.json", "merges.txt"]

    /// A folder with the fixture's vocabulary.
    private func vocabularyFolder() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        for name in Self.names {
            try FileManager.default.copyItem(atPath: "\(Self.folder)/\(name)", toPath: folder.file(name))
        }
        return folder
    }

    /// A checkout of git on Windows writes CR and LF, editors there a byte-order mark.
    @Test("B01: merges with other line ends", arguments: ["\r\n", "\r"]) func mergesWithOtherLineEnds(
        _ end: String
    ) throws {
        let folder = try vocabularyFolder()
        let merges = try String(contentsOfFile: folder.file("merges.txt"), encoding: .utf8)
        try folder.write("\u{FEFF}" + merges.replacingOccurrences(of: "\n", with: end), "merges.txt")
        let text = "a photo of a hippopotamus"
        #expect(try Tokenizer(contentsOf: folder.path).encode(text) == Self.loaded.get().encode(text))
    }

    private static let added: [(content: String, flags: String)] = [
        ("<cat-toy>", ""), ("sks", #", "single_word": true"#), ("<My  Thing>", ""),
        ("[RAW]", #", "normalized": false"#), ("<cat-toy>s", ""),
    ]

    /// Ids of transformers 5.24.
    @Test(
        "B05: added tokens are found as they are written",
        arguments: ["tokenizer.json", "tokenizer_config.json"])
    func addedTokensAreFoundAsTheyAreWritten(_ file: String) throws {
        let folder = try vocabularyFolder()
        let tokens = Self.added.enumerated().map { index, token in
            (id: 49_408 + index, json: #""content": "\#(token.content)"\#(token.flags)"#)
        }
        let list = tokens.map { "{\"id\": \($0.id), \($0.json)}" }.joined(separator: ",")
        let table = tokens.map { "\"\($0.id)\": {\($0.json)}" }.joined(separator: ",")
        try folder.write(
            file == "tokenizer.json"
                ? "{\"added_tokens\": [\(list)], \"model\": {}}" : "{\"added_tokens_decoder\": {\(table)}}",
            file)
        let tokenizer = try Tokenizer(contentsOf: folder.path)
        #expect(tokenizer.vocabularyCount == 49_413)
        let expected: [(String, [Int])] = [
            ("a photo of a <cat-toy>", [320, 1125, 539, 320, 49408]),
            ("A <CAT-TOY>s and <cat-toy>", [320, 49412, 537, 49408]),
            ("asks sks, sks. SKS_x sks", [7953, 49409, 267, 49409, 269, 48136, 318, 343, 49409]),
            ("<my \t thing> here <MY THING>", [49410, 763, 49410]),
            ("[RAW] [raw]x[RAW]", [49411, 314, 6323, 316, 343, 49411]), ("a<cat-toy>b", [320, 49408, 321]),
            ("<|endoftext|><cat-toy>", [49407, 49408]),
        ]
        for (text, ids) in expected {
            #expect(tokenizer.encode(text) == [49406] + ids + [49407], "\(text)")
        }
    }

    @Test func addedTokensOfAnIDTable() throws {
        let folder = try vocabularyFolder()
        try folder.write(#"{"<cat-toy>": 49408}"#, "added_tokens.json")
        #expect(try Tokenizer(contentsOf: folder.path).encode("<cat-toy>") == [49406, 49408, 49407])
        let error = #expect(throws: CLIPError.self) {
            try Tokenizer(contentsOf: folder.path, flavor: .openAI)
        }
        #expect(error?.reason.contains("<cat-toy>") == true)
        try folder.write(#"{"added_tokens": [{"content": "<cat-toy>", "id": 49409}]}"#, "tokenizer.json")
        let conflict = #expect(throws: CLIPError.self) { try Tokenizer(contentsOf: folder.path) }
        #expect(conflict?.reason.contains("49409") == true)
    }

    @Test(arguments: [
        (#""normalizer": {"type": "NFC"}"#, "normalizer"),
        (#""pre_tokenizer": {"type": "Whitespace"}"#, "pre_tokenizer"),
    ]) func tokenizersOfAnotherKindAreRefused(_ part: String, _ name: String) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(
            "{\(part), \"model\": {\"type\": \"BPE\", \"vocab\": {}, \"merges\": []}}", "tokenizer.json")
        let error = #expect(throws: CLIPError.self) { try Tokenizer(contentsOf: path) }
        #expect(error?.reason.contains(name) == true)
        #expect(error?.subject == path)
    }
}
