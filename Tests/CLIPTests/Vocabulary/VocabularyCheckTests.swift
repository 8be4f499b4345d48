import CLIP
import FixtureSupport
import Testing
import Torch

/// Doubtful names, and lists of classes.
@Suite struct VocabularyCheckTests {
    private func vocabulary(_ names: [String], _ rows: [[Float]]? = nil) throws -> Vocabulary {
        let rows =
            try rows.map { try Tensor($0) }
            ?? Tensor.eye(names.count)
        return try Vocabulary(
            classes: names.map { Vocabulary.Class($0) }, templates: ["a photo of a {}."], embeddings: rows,
            background: nil, clip: CLIPIdentity("0123"))
    }

    private func found(_ names: [String], _ kind: VocabularyCheck.Finding.Kind) throws -> [[String]] {
        try VocabularyCheck(vocabulary(names)).findings.filter { $0.kind == kind }.map(\.names)
    }

    @Test func nearDuplicates() throws {
        // The cosines are 0.96 (first and second) and 0.6 or 0.8 (with the third).
        let check = try VocabularyCheck(
            vocabulary(["sofa", "couch", "bed"], [[2, 0, 0], [0.96, 0.28, 0], [0.6, 0.8, 0]]))
        #expect(check.findings.map(\.names) == [["sofa", "couch"]])
        #expect(abs((check.findings[0].cosine ?? 0) - 0.96) < 1e-6)
        let lower = try VocabularyCheck(
            vocabulary(["sofa", "couch", "bed"], [[2, 0, 0], [0.96, 0.28, 0], [0.6, 0.8, 0]]), nearness: 0.7)
        #expect(lower.findings.map(\.names) == [["sofa", "couch"], ["couch", "bed"]])
        #expect(throws: CLIPError.self) { try VocabularyCheck(vocabulary(["a"]), nearness: 0) }
        // More than a block of rows.
        let many = try Tensor.cat([Tensor.eye(300), Tensor.eye(300)], dimension: 0)
        let pairs = try VocabularyCheck(
            Vocabulary(
                classes: (0..<600).map { Vocabulary.Class("class\($0)") }, templates: ["{}"],
                embeddings: many,
                background: nil, clip: CLIPIdentity("0123"))
        ).findings
        #expect(pairs.map(\.names) == (0..<300).map { ["class\($0)", "class\($0 + 300)"] })
    }

    @Test func contradictions() throws {
        let names = [
            "person with helmet", "person without a hat", "person_without_helmet", "open door", "door",
            "closed door", "not a door", "helmet", "no helmet", "left hand",
        ]
        #expect(
            try found(names, .contradiction) == [
                ["person with helmet", "person_without_helmet"], ["open door", "closed door"],
                ["helmet", "no helmet"],
            ])
    }

    @Test func spelling() throws {
        #expect(
            try found(["café", "собака", "狗", "Übergröße"], .script) == [["собака"], ["狗"]])
        #expect(
            try found(
                ["cat, dog", "cat. dog", "Dr. Pepper", "a cup.", "3.5 inch disk", "cup", "cat; dog"],
                .punctuation)
                == [["cat, dog"], ["cat. dog"], ["Dr. Pepper"], ["a cup."], ["cat; dog"]])
    }

    @Test func cutNames() throws {
        let model = try CLIPModel.load(Fixtures.folder("clip").appending(path: "openai-rn/model.pt").path)
        let long = (1...40).map { "word\($0)" }.joined(separator: " ")
        let names = try vocabulary(["cat", long])
        let context = model.configuration.text.contextLength
        let check = try VocabularyCheck(names, tokenizer: model.tokenizer(), contextLength: context)
        #expect(check.findings.filter { $0.kind == .cut }.map(\.names) == [[long]])
        #expect(try VocabularyCheck(names).findings.isEmpty)
    }

    @Test func lists() throws {
        #expect(ClassList.allCases.map(\.names.count) == [80, 1203, 365, 601])
        for list in ClassList.allCases {
            try ClassNames.check(list.names)
            let classes = list.classes
            #expect(classes.count == list.names.count)
            #expect(Set(classes.compactMap(\.categoryID)).count == classes.count)
        }
        let coco = Dictionary(
            uniqueKeysWithValues: ClassList.coco.classes.map { ($0.name, $0.categoryID) })
        #expect(coco["person"] == 1 && coco["stop sign"] == 13 && coco["toothbrush"] == 90)
        #expect(coco["traffic light"] == 10 && coco["dining table"] == 67)
        let things = Dictionary(
            uniqueKeysWithValues: ClassList.openImages.classes.map { ($0.name, $0.categoryID) })
        #expect(things["Tortoise"] == 1 && things["Person"] == 69 && things["Helmet"] == 601)
        #expect(things["Jaguar (Animal)"] == 275 && things["Kitchen & dining room table"] == 544)
        #expect(ClassList(rawValue: "openimages") == .openImages)
        #expect(ClassList.allCases.allSatisfy { $0.source.contains("CC BY 4.0") })
        #expect(ClassList.lvis.names[0] == "aerosol_can" && ClassList.lvis.names[1202] == "zucchini")
    }
}
