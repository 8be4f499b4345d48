import FVLM
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
}
