import FVLM
import FixtureSupport
import Foundation
import Imaging
import Testing

/// The public interface, upon the small CLIPs of the recorded cases with random heads.
@Suite struct DetectorTests {
    private func detector(isResNet: Bool, settings: [String] = [], trainedNames: [String] = []) throws
        -> Detector
    { try TestDetector.detector(isResNet: isResNet, settings: settings, trainedNames: trainedNames) }

    private func picture(width: Int = 200, height: Int = 90) throws -> Image {
        try TestDetector.picture(width: width, height: height)
    }

    @Test(arguments: [true, false]) func detectionsLieInThePicture(_ isResNet: Bool) async throws {
        let detector = try detector(isResNet: isResNet)
        let vocabulary = try await detector.vocabulary(of: ["cat", "dog, brown"], templates: .single)
        let images = [try picture(), try picture(width: 60, height: 150)]
        let found = try await detector.detect(images, vocabulary: vocabulary)
        #expect(found.count == 2)
        for (image, detections) in zip(images, found) {
            #expect(!detections.isEmpty && detections.count <= 10)
            #expect(zip(detections, detections.dropFirst()).allSatisfy { $0.score >= $1.score })
            for detection in detections {
                let box = detection.box
                #expect(box.x1 >= 0 && box.y1 >= 0 && box.x1 < box.x2 && box.y1 < box.y2)
                #expect(box.x2 <= Double(image.width) && box.y2 <= Double(image.height))
                // A name with a comma is one name.
                #expect(["cat", "dog, brown"].contains(detection.label))
                #expect((0...1).contains(detection.score))
            }
            for detection in detections {
                #expect(try detection.mask(in: image.size)?.size == image.size)
            }
        }
    }

    /// Their scores weigh as the base classes' of a vocabulary that says which ones are.
    @Test func classesOfTrainingAreBaseClasses() async throws {
        let detector = try detector(isResNet: true, trainedNames: ["Cat", "horse"])
        func scores(_ splits: [Vocabulary.Class.Split?]) async throws -> [[Float]] {
            let vocabulary = try Vocabulary(
                encoding: zip(["cat", "dog"], splits).map { Vocabulary.Class($0, split: $1) },
                templates: .single, with: detector.clip, tokenizer: detector.clip.tokenizer())
            let found = try await detector.detect([picture()], vocabulary: vocabulary)[0]
            return (0..<2).map { place in found.filter { $0.classIndex == place }.map(\.score) }
        }
        let unsaid = try await scores([nil, nil])
        #expect(!unsaid[0].isEmpty && !unsaid[1].isEmpty)
        #expect(try await scores([.base, .novel]) == unsaid)
        #expect(try await scores([.novel, .novel]) != unsaid)
    }

    /// What CLIP says of refined boxes is what it says of them when it is asked alone.
    @Test func refinedBoxesCanBeScored() async throws {
        let plain = try detector(isResNet: true)
        let refining = try detector(isResNet: true, settings: ["scoring.vlmRegions=refined"])
        let vocabulary = try await plain.vocabulary(of: ["cat", "dog", "bird"], templates: .single)
        let batch = ImageBatch(
            pixels: try plain.configuration.preprocessor(picture()).tensor.unsqueezed(0),
            sizes: [Size2D(58, 128)])
        let texts = try vocabulary.matrix(for: plain.clip.identity())
        let withBackground = try Tensor.cat([texts.narrowed(0, start: 0, length: 1), texts])
        func found(_ detector: Detector) throws -> [Detection] {
            try detector.network.detections(
                in: batch, trunk: detector.trunk, texts: withBackground, names: vocabulary.names, isBase: nil,
                options: detector.configuration.scoring)[0]
        }
        let (first, second) = (try found(plain), try found(refining))
        #expect(first.map(\.vlmScore) != second.map(\.vlmScore))
        let boxes = try Boxes(
            second.map { [Float($0.box.x1), Float($0.box.y1), Float($0.box.x2), Float($0.box.y2)] })
        let embeddings = try #require(
            try refining.trunk.embeddings(of: [boxes], in: batch.pixels, refining.configuration.scoring))
        let logits = try embeddings.normalized().matmul(withBackground.transposed(0, 1)) / 0.01
        let probabilities = try logits.softmax(-1).array(of: Float.self)
        for (row, detection) in second.enumerated() {
            #expect(abs(probabilities[4 * row + detection.classIndex + 1] - detection.vlmScore) < 1e-4)
        }
    }

    /// The score is the weighted geometric mean of what it was and of the proposal's objectness.
    @Test func objectnessWeighsInTheScore() async throws {
        let detector = try detector(isResNet: true)
        let vocabulary = try await detector.vocabulary(of: ["cat", "dog"], templates: .single)
        let batch = ImageBatch(
            pixels: try detector.configuration.preprocessor(picture()).tensor.unsqueezed(0),
            sizes: [Size2D(58, 128)])
        let texts = try vocabulary.matrix(for: detector.clip.identity())
        let withBackground = try Tensor.cat([texts.narrowed(0, start: 0, length: 1), texts])
        let network = detector.network
        let objectness = try withoutGradients {
            let proposals = try network.proposalNetwork(
                network.pyramid(detector.trunk.levels(of: batch.pixels)), sizes: batch.sizes)
            return try proposals.logits[0].sigmoid().array(of: Float.self)
        }
        func scores(_ weight: Double) throws -> [[Int]: Float] {
            var options = detector.configuration.scoring
            (options.objectnessWeight, options.limit, options.suppressionThreshold) = (weight, 1_000, 1)
            options.includesMasks = false
            let found = try network.detections(
                in: batch, trunk: detector.trunk, texts: withBackground, names: vocabulary.names, isBase: nil,
                options: options)[0]
            return Dictionary(
                uniqueKeysWithValues: found.map { ([$0.proposal, $0.classIndex], $0.score) })
        }
        let (without, with) = (try scores(0), try scores(0.4))
        #expect(without.count > 10 && without.keys == with.keys)
        for (key, score) in with {
            let expected = pow(try #require(without[key]), 0.6) * pow(objectness[key[0]], 0.4)
            #expect(abs(score - expected) < 1e-5)
        }
    }

    /// Whether pictures go through the network together or alone does not matter, nor which task asks.
    @Test func callsFromSeveralTasksAgree() async throws {
        let detector = try detector(isResNet: true)
        let vocabulary = try await detector.vocabulary(of: ["cat", "dog"], templates: .single)
        let image = try picture()
        let alone = try await detector.detect([image], vocabulary: vocabulary)[0]
        try await withThrowingTaskGroup(of: [Detection].self) { group in
            for _ in 0..<6 {
                group.addTask { try await detector.detect([image], vocabulary: vocabulary)[0] }
            }
            for try await found in group { #expect(found == alone) }
        }
        let synchronous = try Self.detectNow(detector, image, vocabulary)
        #expect(synchronous == alone)
    }

    private static func detectNow(_ detector: Detector, _ image: Image, _ vocabulary: Vocabulary) throws
        -> [Detection]
    {
        try detector.detect([image], vocabulary: vocabulary)[0]
    }

    /// One name or a thousand: the same weights, no padding, and a class more does not change the others' order.
    @Test(arguments: [1, 80, 1203, 20_000]) func vocabulariesOfAnySize(_ count: Int) throws {
        let detector = try detector(isResNet: true)
        let generator = try Generator(seed: 1)
        let width = detector.clip.configuration.embeddingWidth
        func rows(_ count: Int) throws -> Tensor {
            try Tensor.randomNormal([count, width], generator: generator)
        }
        let vocabulary = try Vocabulary(
            classes: (0..<count).map { Vocabulary.Class("class \($0)") }, templates: ["{}"],
            embeddings: rows(count),
            background: Vocabulary.Background(phrase: "background", embedding: rows(1)[0]),
            clip: detector.identity)
        let found = try detector.detect([picture()], vocabulary: vocabulary)[0]
        #expect(!found.isEmpty)
        #expect(found.allSatisfy { vocabulary.names[$0.classIndex] == $0.label })
    }

    @Test func anotherCLIPsVocabularyIsRefused() async throws {
        let first = try detector(isResNet: true)
        let second = try detector(isResNet: false)
        let vocabulary = try await second.vocabulary(of: ["cat"], templates: .single)
        await #expect(throws: CLIPError.self) {
            try await first.detect([picture()], vocabulary: vocabulary)
        }
    }

    @Test func scoresFollowTheOptions() throws {
        let detector = try detector(isResNet: true)
        let generator = try Generator(seed: 2)
        let width = detector.clip.configuration.embeddingWidth
        func vocabulary(_ split: Vocabulary.Class.Split?) throws -> Vocabulary {
            try Vocabulary(
                classes: ["a", "b", "c"].map { Vocabulary.Class($0, split: split) }, templates: ["{}"],
                embeddings: Tensor.randomNormal([3, width], generator: Generator(seed: 5)),
                background: Vocabulary.Background(
                    phrase: "background",
                    embedding: Tensor.randomNormal([width], generator: Generator(seed: 6))),
                clip: detector.identity)
        }
        _ = generator
        var options = detector.configuration.scoring
        (options.baseWeight, options.novelWeight) = (0, 0)
        let plain = try detector.detect([picture()], vocabulary: vocabulary(nil), options: options)[0]
        for detection in plain { #expect(abs(detection.score - detection.detectorScore) < 1e-5) }
        options.scoreThreshold = 0.999_99
        #expect(try detector.detect([picture()], vocabulary: vocabulary(nil), options: options)[0].isEmpty)
        options.scoreThreshold = 0
        options.includesMasks = false
        let bare = try detector.detect([picture()], vocabulary: vocabulary(.base), options: options)[0]
        #expect(bare.allSatisfy { $0.mask == nil })
        #expect(bare.map(\.box) == plain.map(\.box))
    }

    /// The background's weight is a weight like the others'; by default it is none.
    @Test func theBackgroundIsFusedOnlyWhereAsked() throws {
        let (p, v) = ([0.5, 0.3, 0.2], [0.1, 0.6, 0.3])
        func fused(_ weight: Double? = nil) throws -> [Double] {
            var options = ScoringOptions()
            if let weight { options.backgroundWeight = weight }
            // Logarithms of probabilities are logits.
            return try FusedScores(
                all: Tensor([p.map(Float.init)]).log(), Tensor([v.map(Float.init)]).log(),
                isBase: [false, true, false], options
            ).table().array(of: Double.self)
        }
        for weight in [0, 0.5] {
            let raw = zip(zip(p, v), [weight, 0.35, 0.65]).map { pow($0.0, 1 - $1) * pow($0.1, $1) }
            let expected = raw.map { $0 / raw.reduce(0, +) }
            let got = try fused(weight)
            for (a, b) in zip(got, expected) { #expect(abs(a - b) < 1e-6) }
        }
        #expect(try fused() == fused(0))
    }

    /// Every option can be chosen anew for a call, the scorer too; impossible ones are refused.
    @Test func aCallCanScoreInAnotherWay() async throws {
        let detector = try detector(isResNet: false)
        let plain = try self.detector(isResNet: false, settings: ["scoring.scorer=none"])
        let vocabulary = try await detector.vocabulary(of: ["cat", "dog"], templates: .single)
        func found(_ detector: Detector, _ options: ScoringOptions? = nil) async throws -> [[Detection]] {
            try await detector.detect([picture()], vocabulary: vocabulary, options: options)
        }
        let usual = try await found(detector)
        #expect(try await found(detector, plain.configuration.scoring) == found(plain))
        #expect(try await found(detector) == usual)
        var options = detector.configuration.scoring
        options.scorer = .attentionPool
        await #expect(throws: ConfigurationError.self) { try await found(detector, options) }
        options = detector.configuration.scoring
        options.vlmTemperature = 0
        await #expect(throws: ConfigurationError.self) { try await found(detector, options) }
    }

    /// A vocabulary must say what the background is.
    @Test func aVocabularyWithoutBackgroundIsRefused() throws {
        let detector = try detector(isResNet: true)
        let width = detector.clip.configuration.embeddingWidth
        let vocabulary = try Vocabulary(
            classes: [.init("a")], templates: ["{}"], embeddings: Tensor.ones([1, width]), background: nil,
            clip: detector.identity)
        #expect(throws: CLIPError.self) { try detector.detect([picture()], vocabulary: vocabulary) }
    }

    @Test(arguments: ["denseValue", "lastHidden", "crop", "none"])
    func everyScorerOfATransformer(_ scorer: String) throws {
        let detector = try detector(isResNet: false, settings: ["scoring.scorer=\(scorer)"])
        let width = detector.clip.configuration.embeddingWidth
        let vocabulary = try Vocabulary(
            classes: [.init("a"), .init("b")], templates: ["{}"],
            embeddings: Tensor.randomNormal([2, width], generator: Generator(seed: 5)),
            background: Vocabulary.Background(
                phrase: "background", embedding: Tensor.randomNormal([width], generator: Generator(seed: 6))),
            clip: detector.identity)
        let found = try detector.detect([picture()], vocabulary: vocabulary)[0]
        #expect(!found.isEmpty)
        #expect(scorer != "none" || found.allSatisfy { $0.score == $0.detectorScore })
    }

    @Test func aScorerOfTheOtherTowerIsAnError() throws {
        let error = try #require(throws: ConfigurationError.self) {
            try detector(isResNet: true, settings: ["scoring.scorer=denseValue"])
        }
        #expect(error.description.contains("attentionPool"))
        #expect(throws: ConfigurationError.self) {
            try detector(isResNet: false, settings: ["scoring.scorer=everything"])
        }
    }

    /// What is found in a picture does not depend on the pictures that it is given with, whatever their sizes.
    @Test(arguments: ["square", "shortestSide", "longestSide"])
    func companyChangesNothing(_ fitting: String) async throws {
        let detector = try detector(
            isResNet: true,
            settings: ["input.fitting=\(fitting)", "input.size=96", "input.longestSide=160"])
        let vocabulary = try await detector.vocabulary(of: ["cat", "dog"], templates: .single)
        let pictures = try [(200, 90), (90, 200), (120, 120), (200, 92)].map {
            try picture(width: $0, height: $1)
        }
        let together = try await detector.detect(pictures, vocabulary: vocabulary)
        for (picture, found) in zip(pictures, together) {
            let alone = try await detector.detect([picture], vocabulary: vocabulary)[0]
            #expect(found.count == alone.count && !found.isEmpty)
            for (a, b) in zip(found, alone) {
                #expect(
                    a.label == b.label && abs(a.score - b.score) < 1e-5 && abs(a.box.x1 - b.box.x1) < 0.01)
            }
        }
    }

    /// Names are compared in the form that the text tower sees.
    @Test func spellingDoesNotDecideWhatWasTrained() throws {
        let detector = try detector(isResNet: true, trainedNames: ["polar_bear", "Traffic  light"])
        for name in ["polar bear", "Polar_Bear", "traffic light", "traffic_light"] {
            #expect(detector.wasTrained(on: name), "\(name)")
        }
        #expect(!detector.wasTrained(on: "bear"))
    }

    /// A batch knows from the start where each picture ends inside of its padding, and is as large as its padding says.
    @Test func aBatchKnowsWhatItsPicturesHold() throws {
        let images = try [Tensor.ones([3, 40, 64]), Tensor.ones([3, 64, 50])]
        let contents = [Size2D(33, 61), Size2D(64, 47)]
        let batch = try ImageBatch(images, padding: .init(multiple: 32), contents: contents)
        #expect(batch.sizes == contents && batch.pixels.shape == [2, 3, 64, 64])
        let whole = try ImageBatch(images, padding: .init(multiple: 32, frame: Size2D(70, 10)))
        #expect(whole.sizes == [Size2D(40, 64), Size2D(64, 50)] && whole.pixels.shape == [2, 3, 96, 64])
        #expect(try whole.pixels.sum().item() == Double(3 * (40 * 64 + 64 * 50)))
    }

    /// The settings of a call and those of a file have the same defaults: they are one type.
    @Test func scoringHasOneSetOfDefaults() throws {
        #expect(DetectorConfiguration().scoring == ScoringOptions())
        #expect(try DetectorConfiguration(yaml: "").scoring == ScoringOptions())
    }

    /// A cancelled task ends whether it waits for its turn or works.
    @Test func cancelledTasksEnd() async throws {
        let detector = try detector(isResNet: true)
        let vocabulary = try await detector.vocabulary(of: ["cat", "dog"], templates: .single)
        let images = try (0..<8).map { _ in try picture() }
        let working = Task { try await detector.detect(images, vocabulary: vocabulary) }
        let waiting = (0..<4).map { _ in Task { try await detector.detect(images, vocabulary: vocabulary) } }
        for task in waiting { task.cancel() }
        for task in waiting {
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        #expect(try await working.value.count == 8)
        #expect(try await !detector.detect([picture()], vocabulary: vocabulary)[0].isEmpty)
    }
}
