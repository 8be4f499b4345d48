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
        #expect(throws: TokenizerError.self) { try tokenizer.encode(["a"], contextLength: 1) }
        #expect(throws: TokenizerError.self) { try tokenizer.encode(["a"], contextLength: -3) }
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
            let error = #expect(throws: TokenizerError.self) { try Tokenizer(contentsOf: path) }
            #expect(error?.description.contains(text) == true, "\(error?.description ?? "")")
            #expect(error?.file.hasPrefix(place.path) == true)
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
}
