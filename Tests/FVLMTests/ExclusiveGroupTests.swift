import FVLM
import FixtureSupport
import Imaging
import Testing

/// Classes of which an object has at most one.
@Suite struct ExclusiveGroupTests {
    /// Two classes with the same row are found in the same boxes, unless they exclude each other.
    @Test func aBoxHasOneClassOfAGroup() throws {
        let detector = try TestDetector.detector(
            isResNet: true, settings: ["scoring.limit=1000", "scoring.suppressionThreshold=0.5"])
        let generator = try Generator(seed: 4)
        let width = detector.clip.configuration.embeddingWidth
        let row = try Tensor.randomNormal([1, width], generator: generator)
        let other = try Tensor.randomNormal([1, width], generator: generator)
        let vocabulary = try Vocabulary(
            classes: ["with helmet", "without helmet", "bicycle"].map { Vocabulary.Class($0) },
            templates: ["{}"], embeddings: Tensor.cat([row, row, other]),
            background: Vocabulary.Background(
                phrase: "background", embedding: Tensor.randomNormal([width], generator: generator)),
            clip: detector.identity)
        let image = try TestDetector.picture()
        let free = try detector.detect([image], vocabulary: vocabulary)[0]
        func places(_ found: [Detection], _ index: Int) -> [Int] {
            found.filter { $0.classIndex == index }.map(\.proposal)
        }
        #expect(!places(free, 0).isEmpty && places(free, 0) == places(free, 1))

        let exclusive = try vocabulary.makingExclusive(["with helmet", "Without helmet"])
        let found = try detector.detect([image], vocabulary: exclusive)[0]
        // Of equal scores the first class's.
        #expect(places(found, 0) == places(free, 0) && places(found, 1).isEmpty)
        #expect(places(found, 2) == places(free, 2))
        #expect(try exclusive.digest() != vocabulary.digest())
        #expect(exclusive.classes[0].exclusiveGroup == exclusive.classes[1].exclusiveGroup)

        for wrong in [["bicycle"], ["bicycle", "Bicycle"], ["bicycle", "car"]] {
            #expect(throws: CLIPError.self) { try vocabulary.makingExclusive(wrong) }
        }
        #expect(throws: CLIPError.self) { try exclusive.makingExclusive(["with helmet", "bicycle"]) }
    }

    private func vocabulary(of detector: Detector, seed: UInt64) throws -> Vocabulary {
        let generator = try Generator(seed: seed)
        let width = detector.clip.configuration.embeddingWidth
        return try Vocabulary(
            classes: ["cat", "with helmet", "bicycle", "without helmet"].map { Vocabulary.Class($0) },
            templates: ["{}"], embeddings: Tensor.randomNormal([4, width], generator: generator),
            background: Vocabulary.Background(
                phrase: "background", embedding: Tensor.randomNormal([width], generator: generator)),
            clip: detector.identity)
    }

    /// With a softmax of its own a group has the scores that it has alone, and the other classes keep theirs.
    @Test(arguments: [true, false])
    func aSoftmaxWithinTheGroup(_ usesCLIP: Bool) throws {
        let detector = try TestDetector.detector(
            isResNet: true,
            settings: [
                "scoring.limit=100000", "scoring.scoreThreshold=0", "scoring.suppressionThreshold=1",
                "scoring.objectnessWeight=0.2",
            ] + (usesCLIP ? [] : ["scoring.scorer=none"]))
        let all = try vocabulary(of: detector, seed: 7)
        let grouped = try all.makingExclusive(["with helmet", "without helmet"], scores: .group)
        let seen = try detector.encode([TestDetector.picture()], includesMasks: false)
        func scores(_ vocabulary: Vocabulary) throws -> [String: [Int: [Float]]] {
            var result: [String: [Int: [Float]]] = [:]
            for found in try seen.detections(of: vocabulary)[0] {
                result[found.label, default: [:]][found.proposal] = [
                    found.score, found.detectorScore, found.vlmScore,
                ]
            }
            return result
        }
        func isClose(_ some: [Int: [Float]]?, _ others: [Int: [Float]]?) -> Bool {
            guard let some, let others else { return false }
            return some.allSatisfy { key, values in
                others[key].map { zip(values, $0).allSatisfy { abs($0 - $1) < 1e-5 } } ?? false
            }
        }
        let (plain, own, alone) = (try scores(all), try scores(grouped), try scores(all.rows([1, 3])))
        #expect(isClose(own["cat"], plain["cat"]) && own["cat"]?.count == plain["cat"]?.count)
        #expect(isClose(own["bicycle"], plain["bicycle"]))
        // One of the two for each box, the better one, with the score that it has alone.
        let helmets = ["with helmet", "without helmet"]
        let boxes = Set(helmets.flatMap { (alone[$0] ?? [:]).keys })
        #expect(boxes.count > 5)
        var differs = false
        for box in boxes {
            let score = { (label: String) in alone[label]?[box]?[0] ?? 0 }
            let better = score(helmets[0]) >= score(helmets[1]) ? 0 : 1
            #expect(own[helmets[1 - better]]?[box] == nil)
            let values = try #require(own[helmets[better]]?[box])
            let wanted = try #require(alone[helmets[better]]?[box])
            #expect(zip(values, wanted).allSatisfy { abs($0 - $1) < 1e-5 })
            differs = differs || abs(values[0] - (plain[helmets[better]]?[box]?[0] ?? 0)) > 1e-3
        }
        #expect(differs)
        #expect(try grouped.digest() != all.makingExclusive(["with helmet", "without helmet"]).digest())
    }

    @Test func theRuleIsKeptInTheFile() throws {
        let detector = try TestDetector.detector(isResNet: true)
        let folder = try TemporaryFolder()
        let grouped = try vocabulary(of: detector, seed: 1).makingExclusive(
            ["with helmet", "bicycle"], scores: .group)
        try grouped.write(to: folder.file("v.safetensors"))
        let read = try Vocabulary(contentsOf: folder.file("v.safetensors"))
        #expect(read.classes == grouped.classes)
        #expect(try read.digest() == grouped.digest())
        #expect(read.classes.map(\.exclusiveScores) == [nil, .group, .group, nil])
    }
}
