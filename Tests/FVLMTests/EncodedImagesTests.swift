import FVLM
import FixtureSupport
import Imaging
import Testing

/// Pictures that are seen once and asked about many times.
@Suite struct EncodedImagesTests {
    private func pictures() throws -> [Image] {
        // Two of one size, between which is one of another.
        [
            try TestDetector.picture(), try TestDetector.picture(width: 60, height: 150),
            try TestDetector.picture(width: 196, height: 90),
        ]
    }

    private static let vocabularies = [["cat", "dog"], ["a house", "tree", "car", "cat"]]

    /// To the bit: scores, boxes, masks and embeddings, pictures alone or together.
    @Test(arguments: [("published", true), ("vit", false)]) func equalsFreshDetection(
        _ preset: String, _ isResNet: Bool
    ) async throws {
        let settings = isResNet ? ["scoring.vlmRegions=refined"] : ["input.fitting=longestSide"]
        let detector = try TestDetector.detector(isResNet: isResNet, settings: settings)
        let images = try pictures()
        let together = try await detector.encode(images)
        #expect(together.count == 3 && together.sizes == images.map(\.size))
        for names in Self.vocabularies {
            let vocabulary = try await detector.vocabulary(of: names, templates: .single)
            let fresh = try await detector.detect(images, vocabulary: vocabulary)
            #expect(fresh.joined().count >= 10)
            #expect(fresh.allSatisfy { $0.allSatisfy { $0.mask != nil } })
            #expect(try await together.detections(of: vocabulary) == fresh)
            for image in images {
                let alone = try await detector.encode([image])
                #expect(
                    try await alone.detections(of: vocabulary)
                        == detector.detect([image], vocabulary: vocabulary))
            }
            var options = detector.configuration.scoring
            (options.scoreThreshold, options.novelWeight, options.vlmTemperature) = (0.1, 0.2, 0.03)
            options.objectnessWeight = 0.5
            let weighed = try await together.detections(of: vocabulary, options: options)
            #expect(weighed != fresh)
            #expect(
                try await weighed == detector.detect(images, vocabulary: vocabulary, options: options))
        }
        let (first, vocabulary) = (
            try Self.now(detector, images), try await detector.vocabulary(of: ["cat"], templates: .single)
        )
        #expect(try Self.now(first, vocabulary) == Self.now(together, vocabulary))
    }

    private static func now(_ detector: Detector, _ images: [Image]) throws -> EncodedImages {
        try detector.encode(images)
    }

    private static func now(_ seen: EncodedImages, _ vocabulary: Vocabulary) throws -> [[Detection]] {
        try seen.detections(of: vocabulary)
    }

    /// What the detector alone says needs no other encoding, and what CLIP sees does.
    @Test func settingsOfRegionsCannotChange() async throws {
        let detector = try TestDetector.detector(isResNet: true)
        let vocabulary = try await detector.vocabulary(of: ["cat", "dog"], templates: .single)
        let images = [try TestDetector.picture()]
        let seen = try await detector.encode(images, includesMasks: false)
        #expect(!seen.includesMasks)
        var options = detector.configuration.scoring
        options.includesMasks = false
        options.scorer = ScoringOptions.Scorer.none
        #expect(
            try await seen.detections(of: vocabulary, options: options)
                == detector.detect(images, vocabulary: vocabulary, options: options))
        for change in ["vlmDense", "vlmScales", "vlmRegions"] {
            var other = detector.configuration.scoring
            other.includesMasks = false
            switch change {
            case "vlmDense": other.vlmDense = true
            case "vlmScales": other.vlmScales = [2]
            default: other.vlmRegions = .refined
            }
            let error = await #expect(throws: ConfigurationError.self) {
                try await seen.detections(of: vocabulary, options: other)
            }
            #expect(error?.key == "scoring.\(change)")
        }
        let error = await #expect(throws: ConfigurationError.self) {
            try await seen.detections(of: vocabulary, options: detector.configuration.scoring)
        }
        #expect(error?.key == "scoring.includesMasks")
        // Without options, what was kept.
        #expect(try await seen.detections(of: vocabulary)[0].allSatisfy { $0.mask == nil })
    }

    /// Detections name their regions, which lie where they do.
    @Test func regionsAreThoseOfDetections() async throws {
        let detector = try TestDetector.detector(isResNet: true)
        let vocabulary = try await detector.vocabulary(of: ["cat", "dog"], templates: .single)
        let images = try pictures()
        let seen = try await detector.encode(images, includesMasks: false)
        let found = try await seen.detections(of: vocabulary, includesEmbeddings: true)
        for (place, detections) in found.enumerated() {
            let regions = try seen.regions(ofPicture: place)
            #expect(regions.boxes.count == regions.objectness.count)
            #expect(regions.embeddings.shape == [regions.boxes.count, vocabulary.embeddingWidth])
            #expect(regions.vlmEmbeddings?.shape == regions.embeddings.shape)
            #expect(zip(regions.objectness, regions.objectness.dropFirst()).allSatisfy { $0 >= $1 })
            for detection in detections {
                #expect(regions.boxes[detection.proposal] == detection.box)
                #expect(
                    try regions.embeddings[detection.proposal].array(of: Float.self) == detection.embedding)
            }
        }
        #expect(throws: DetectionError.self) { try seen.regions(ofPicture: 3) }
        let other = try TestDetector.detector(isResNet: false)
        await #expect(throws: CLIPError.self) {
            try await seen.detections(of: other.vocabulary(of: ["cat"], templates: .single))
        }
    }
}
