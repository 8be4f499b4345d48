import FixtureSupport
import Foundation
import Testing
import Torch
import WeightFiles

@testable import CLIP

@Suite struct VocabularyTests {
    /// The models of the fixtures are whole folders, with tokenizer.
    private static func folders() throws -> [String] {
        try Fixtures.cases("clip").map { $0.path("model") }
            .filter { FileManager.default.fileExists(atPath: $0) }
    }

    private let classes: [Vocabulary.Class] = [
        .init("traffic_light", split: .base), .init("cat", synonyms: ["kitten"], split: .novel),
        .init("crane_(bird)", split: .base),
    ]

    private func model() throws -> (CLIPModel, Tokenizer) {
        let model = try CLIPModel.load(#require(Self.folders().first))
        return (model, try model.tokenizer())
    }

    /// Encoding one by one and averaging by hand.
    @Test func rowsAreMeansOfUnitVectors() throws {
        let (model, tokenizer) = try model()
        let templates = try PromptTemplates(name: "two", ["a photo of a {}.", "the {}"])
        let vocabulary = try Vocabulary(
            encoding: classes, templates: templates, with: model, tokenizer: tokenizer, batchSize: 2)
        func mean(_ prompts: [String]) throws -> Tensor {
            let rows = try prompts.map { prompt in
                let ids = tokenizer.encode(prompt).map { Int64($0) }
                return try model.text.embedding(of: Tensor([ids])).normalized().squeezed(0)
            }
            return try Tensor.stack(rows).mean(0)
        }
        let expected = [
            try mean(["a photo of a traffic light.", "the traffic light"]),
            try mean(["a photo of a cat.", "the cat", "a photo of a kitten.", "the kitten"]),
            try mean(["a photo of a crane (bird).", "the crane (bird)"]),
        ]
        #expect(try largestDifference(vocabulary.embeddings, Tensor.stack(expected)) < 1e-5)
        let background = try #require(vocabulary.background)
        #expect(
            try largestDifference(background.embedding, mean(["a photo of a background.", "the background"]))
                < 1e-5)
        let matrix = try vocabulary.matrix(for: model.identity(), withBackground: true)
        #expect(matrix.shape == [4, model.configuration.embeddingWidth])
        #expect(try largestDifference(matrix.norm([1]), Tensor.ones([4])) < 1e-5)
        #expect(try largestDifference(matrix[0], background.embedding.normalized(0)) < 1e-6)
        #expect(vocabulary.isBase == [true, false, true])
    }

    @Test func promptsOfRows() throws {
        func prompts(_ classes: [Vocabulary.Class], background: String? = nil) throws -> [[String]] {
            try Vocabulary.prompts(
                of: classes, background: background, templates: .single, article: .english)
        }
        #expect(
            try prompts(
                [.init("fire_hydrant", synonyms: ["hydrant"]), .init("umbrella")], background: "background")
                == [
                    ["a photo of a fire hydrant.", "a photo of a hydrant."], ["a photo of an umbrella."],
                    ["a photo of a background."],
                ])
        #expect(throws: CLIPError.self) { try prompts([]) }
        #expect(throws: CLIPError.self) { try prompts([.init(" ")]) }
        #expect(throws: CLIPError.self) { try prompts([.init("cat"), .init("Cat")]) }
        #expect(throws: CLIPError.self) { try prompts([.init("cat", synonyms: ["cat"])]) }
        #expect(throws: CLIPError.self) { try prompts([.init("cat")], background: " ") }
    }

    @Test func filesKeepEverything() throws {
        let folder = try TemporaryFolder()
        let (model, tokenizer) = try model()
        var progress: [Int] = []
        let vocabulary = try Vocabulary(
            encoding: classes, templates: .single, article: .english, with: model, tokenizer: tokenizer,
            batchSize: 3
        ) { done, total in
            progress.append(done)
            #expect(total == 5)
        }
        #expect(progress == [3, 5])
        let path = folder.path + "/words.safetensors"
        try vocabulary.write(to: path)
        let read = try Vocabulary(contentsOf: path)
        #expect(read.classes == vocabulary.classes)
        #expect(read.templates == ["a photo of a {}."])
        #expect(read.article == .english)
        #expect(read.clip == vocabulary.clip)
        #expect(read.background?.phrase == "background")
        #expect(try read.embeddings.isEqual(to: vocabulary.embeddings))
        let first = try Data(contentsOf: URL(filePath: path))
        try read.write(to: path)
        #expect(try Data(contentsOf: URL(filePath: path)) == first)
    }

    /// Category ids are kept in files and by merging; ids that do not name each class are not used.
    @Test func categoryIDs() throws {
        let folder = try TemporaryFolder()
        func made(_ ids: [String: Int64?]) throws -> Vocabulary {
            let classes = ids.sorted { $0.key < $1.key }.map {
                Vocabulary.Class($0.key, categoryID: $0.value)
            }
            return try Vocabulary(
                classes: classes, templates: [], embeddings: Tensor.ones([classes.count, 3]),
                background: nil, clip: CLIPIdentity("a"))
        }
        let large = Int64(1) << 60 + 1
        let path = folder.path + "/ids.safetensors"
        try Vocabulary.merging([made(["cat": 17, "dog": large]), made(["bus": 6])]).write(to: path)
        let read = try Vocabulary(contentsOf: path)
        #expect(read.classes.map(\.categoryID) == [17, large, 6])
        #expect(read.categoryIDs.ids == [17, large, 6] && read.categoryIDs.reasonForNumbers == nil)

        let some = try made(["bus": 6, "cat": nil]).categoryIDs
        #expect(some.ids == [1, 2])
        #expect(some.reasonForNumbers == "1 of the 2 classes has no category id")
        let same = try made(["bus": 6, "cat": 6]).categoryIDs
        #expect(same.ids == [1, 2])
        #expect(same.reasonForNumbers == "the classes \"bus\" and \"cat\" share the category id 6")
        // The form of files without ids is that of earlier versions.
        let early = try JSONDecoder().decode(
            Vocabulary.Class.self, from: Data(#"{"name":"cat","synonyms":[]}"#.utf8))
        #expect(early == Vocabulary.Class("cat"))
        try made(["cat": nil]).write(to: path)
        #expect(try Safetensors(contentsOf: path).metadata["classes"] == #"[{"name":"cat","synonyms":[]}]"#)
    }

    @Test func anotherCLIPIsRefused() throws {
        let folders = try Self.folders()
        let (model, tokenizer) = try model()
        let vocabulary = try Vocabulary(
            encoding: classes, templates: .single, with: model, tokenizer: tokenizer)
        let other = try CLIPModel.load(#require(folders.last))
        let error = #expect(throws: CLIPError.self) { try vocabulary.matrix(for: other.identity()) }
        #expect(error?.description.contains("rebuild it") == true)
        #expect(throws: CLIPError.self) { try ZeroShotClassifier(vocabulary, model: other) }
    }

    @Test func merging() throws {
        let (model, tokenizer) = try model()
        func made(
            _ names: [String], _ templates: PromptTemplates = .single, background: String? = nil
        ) throws -> Vocabulary {
            try Vocabulary(
                encoding: names.map { .init($0) }, templates: templates, background: background, with: model,
                tokenizer: tokenizer)
        }
        let merged = try Vocabulary.merging([made(["cat"]), made(["dog", "bus"], background: "background")])
        let whole = try made(["cat", "dog", "bus"], background: "background")
        #expect(merged.names == whole.names)
        #expect(try largestDifference(merged.embeddings, whole.embeddings) < 1e-5)
        #expect(merged.background?.phrase == "background")
        #expect(merged.isBase == nil)
        let identity = try model.identity()
        #expect(throws: CLIPError.self) { try made(["cat"]).matrix(for: identity, withBackground: true) }
        #expect(throws: CLIPError.self) { try Vocabulary.merging([made(["cat"]), made(["cat"])]) }
        #expect(throws: CLIPError.self) {
            try Vocabulary.merging([made(["cat"]), made(["dog"], PromptTemplates(name: "x", ["{}"]))])
        }
        #expect(throws: CLIPError.self) {
            try Vocabulary.merging([made(["cat"], background: "a"), made(["dog"], background: "b")])
        }
        #expect(throws: CLIPError.self) { try Vocabulary.merging([]) }
    }

    /// Names that the text tower sees alike are refused everywhere.
    @Test("B44: merging compares names as building does") func mergingComparesNamesAsBuildingDoes() throws {
        let rows = try Tensor.ones([1, 3])
        func made(_ name: String) throws -> Vocabulary {
            try Vocabulary(
                classes: [.init(name)], templates: [], embeddings: rows, background: nil,
                clip: CLIPIdentity("a"))
        }
        let error = #expect(throws: CLIPError.self) {
            try Vocabulary.merging([made("red apple"), made("Red_Apple")])
        }
        #expect(error?.reason.contains("same to the text tower") == true)
    }

    @Test("B21: names longer than the context are refused") func namesLongerThanTheContextAreRefused() throws
    {
        let (model, tokenizer) = try model()
        let context = model.configuration.text.contextLength
        let long = String(repeating: "very ", count: context) + "red apple"
        func made(_ names: [String], _ template: String) throws -> [String] {
            var notes: [String] = []
            _ = try Vocabulary(
                encoding: names.map { .init($0) }, templates: PromptTemplates(name: "x", [template]),
                with: model,
                tokenizer: tokenizer, note: { notes.append($0) })
            return notes
        }
        let error = #expect(throws: CLIPError.self) { try made(["cat", long], "a {}.") }
        #expect(error?.description.contains("class name 2 ('very very") == true)
        #expect(try made(["cat"], "a {}.").isEmpty)
        // What is cut off behind the name is told and no error.
        let notes = try made(["cat"], "a {}" + String(repeating: " very", count: context))
        #expect(notes.count == 2 && notes[0].contains("class name 1 ('cat')"))
    }

    @Test func otherFilesAreRefused() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/words.safetensors"
        let rows = try Tensor.ones([2, 3]).stored(named: "embeddings")
        func expectError(_ metadata: [String: String], _ part: String, _ tensors: [StoredTensor]) throws {
            try Safetensors.write(tensors, metadata: metadata, to: path)
            let error = #expect(throws: CLIPError.self) { try Vocabulary(contentsOf: path) }
            #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
        }
        let good = [
            "format": "fvlm-vocabulary", "version": "1", "clip": "abc", "article": "as-written",
            "templates": "[]", "classes": #"[{"name":"a","synonyms":[]},{"name":"b","synonyms":[]}]"#,
        ]
        try Safetensors.write([rows], metadata: good, to: path)
        #expect(try Vocabulary(contentsOf: path).names == ["a", "b"])
        try expectError([:], "is not a vocabulary", [rows])
        try expectError(good.merging(["version": "4"]) { $1 }, "version 4", [rows])
        try expectError(good.merging(["classes": "[{]"]) { $1 }, "\"classes\"", [rows])
        try expectError(good.merging(["article": "le"]) { $1 }, "\"article\"", [rows])
        try expectError(good.merging(["classes": "[]"]) { $1 }, "no classes", [rows])
        let short = try Tensor.ones([1, 3]).stored(named: "embeddings")
        try expectError(good, "2 classes have embeddings [1, 3]", [short])
        let broken = try Tensor.full([2, 3], Double.nan).stored(named: "embeddings")
        try expectError(good, "finite", [broken])
    }

    /// Texts of any length in any order, against one at a time.
    @Test func textsKeepTheirOrder() throws {
        let (model, tokenizer) = try model()
        let texts = ["a photo of a very long cat on a mat", "cat", "", "two dogs", "cat"]
        let together = try model.embed(texts: texts, tokenizer: tokenizer, batchSize: 2)
        for (index, text) in texts.enumerated() {
            let alone = try model.embed(texts: [text], tokenizer: tokenizer)
            #expect(try largestDifference(together[index], alone[0]) < 1e-5)
        }
        #expect(try model.embed(texts: [], tokenizer: tokenizer).shape[0] == 0)
        var cut: [Int] = []
        let long = String(repeating: "cat ", count: 100)
        _ = try model.embed(
            texts: ["cat", long], tokenizer: tokenizer,
            onTruncation: { index, tokens in
                cut.append(index)
                #expect(tokens > 100)
            })
        #expect(cut == [1])
    }
}
