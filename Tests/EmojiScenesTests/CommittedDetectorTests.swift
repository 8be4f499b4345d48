import COCO
import FVLM
import Foundation
import Imaging
import Testing

@testable import EmojiScenes

/// The detector that the repository holds, on the sample scenes that it holds.
struct CommittedDetectorTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path
    private static let samples = root + "/Examples/EmojiScenes/Samples"

    private struct Found {
        var truth: AnnotationRecord
        var name: String
        var isNovel: Bool
        var isRight: Bool
    }

    /// Every object of the samples, and whether a detection of its name overlaps it by half.
    private func found(classes: [Vocabulary.Class], names: [String: String] = [:], scoreThreshold: Double)
        throws
        -> [Found]
    {
        let detector = try Detector.load(Self.root + "/Models/emoji-detector")
        let vocabulary = try Vocabulary(
            encoding: classes, templates: .single, with: detector.clip, tokenizer: detector.clip.tokenizer())
        var options = detector.configuration.scoring
        options.scoreThreshold = scoreThreshold
        options.includesMasks = false
        let splits = Dictionary(
            try CategoryList().known.map { ($0.name, $0.split) }, uniquingKeysWith: { first, _ in first })
        let truth = try Dataset(contentsOf: Self.samples + "/annotations.json")
        let categories = Dictionary(
            truth.categories.map { ($0.id, $0.name) }, uniquingKeysWith: { first, _ in first })
        var result: [Found] = []
        for row in 0..<truth.images.count {
            let record = truth.images[row]
            let image = try Image(contentsOf: "\(Self.samples)/\(record.fileName)")
            let detections = try detector.detect([image], vocabulary: vocabulary, options: options)[0]
            for row in 0..<truth.annotations.count where truth.annotations.imageIDs[row] == record.id {
                let annotation = truth.annotations[row]
                let name = try #require(categories[annotation.categoryID])
                let box = try #require(annotation.box)
                let wanted = names[name] ?? name
                let isRight = detections.contains { detection in
                    detection.label == wanted && overlap(detection.box, box) >= 0.5
                }
                result.append(
                    Found(truth: annotation, name: name, isNovel: splits[name] == .novel, isRight: isRight))
            }
        }
        return result
    }

    private func overlap(_ first: Imaging.Box, _ second: BoundingBox) -> Double {
        let width = min(first.x2, second.x + second.width) - max(first.x1, second.x)
        let height = min(first.y2, second.y + second.height) - max(first.y1, second.y)
        guard width > 0, height > 0 else { return 0 }
        let area = (first.x2 - first.x1) * (first.y2 - first.y1) + second.width * second.height
        return width * height / (area - width * height)
    }

    @Test func itFindsNovelEmojiByName() throws {
        let classes = try CategoryList().known.map {
            Vocabulary.Class($0.name, split: $0.split == .base ? .base : .novel)
        }
        let objects = try found(classes: classes, scoreThreshold: 0.1)
        let novel = objects.filter(\.isNovel)
        let base = objects.filter { !$0.isNovel }
        #expect(objects.count == 49 && novel.count == 13)
        // 12 and 35 are found (the mailbox by a box that is too small); training never saw the novel ones.
        #expect(novel.count(where: \.isRight) >= 11)
        #expect(base.count(where: \.isRight) >= 33)
        for name in ["shrimp", "trumpet", "red apple", "tangerine"] {
            #expect(novel.contains { $0.name == name && $0.isRight }, "\(name)")
        }
    }

    /// Keywords that were never names, among a few classes of a user.
    @Test func itUnderstandsOtherWords() throws {
        let objects = try found(
            classes: ["ladybug", "shrimp", "dove", "letterbox"].map { Vocabulary.Class($0) },
            names: ["lady beetle": "ladybug"], scoreThreshold: 0.5)
        let beetle = try #require(objects.first { $0.name == "lady beetle" })
        #expect(beetle.isRight)
    }
}
