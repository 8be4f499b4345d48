import FVLM
import FixtureSupport
import Imaging
import Testing
import WeightFiles

/// Classes that are shown by boxes.
@Suite struct ExampleCollectorTests {
    private let box = Box(x1: 40, y1: 20, x2: 120, y2: 70)

    private func detector() throws -> Detector { try TestDetector.detector(isResNet: true) }

    private func words(_ detector: Detector) async throws -> Vocabulary {
        try await detector.vocabulary(of: ["cat", "dog", "house", "tree"], templates: .single)
    }

    private func unit(_ rows: Tensor) throws -> [[Float]] {
        let rows = try rows.normalized()
        return try (0..<rows.shape[0]).map { try rows[$0].array(of: Float.self) }
    }

    private func isNear(_ one: [Float], _ other: [Float]) -> Bool {
        zip(one, other).allSatisfy { abs($0 - $1) < 2e-5 }
    }

    /// Worked out by the formula from what both towers say of the boxes and of ordinary regions.
    @Test func rowsAreMadeAsStated() async throws {
        let detector = try detector()
        let words = try await words(detector)
        let pictures = [
            try TestDetector.picture(), try TestDetector.picture(width: 120, height: 100),
            try TestDetector.picture(width: 90, height: 110),
        ]
        let ordinary = try await detector.encode(pictures)
        let other = Box(x1: 10, y1: 10, x2: 60, y2: 60)
        // A proposal, so that one at least is left out.
        let proposed = try ordinary.regions(ofPicture: 1).boxes[0]
        var collector = ExampleCollector(detector)
        try collector.add(
            pictures[0], named: "a.png",
            [
                ExampleBox(className: "mug", box: box, weight: 3),
                ExampleBox(className: "mug", box: other, isNegative: true),
            ])
        try collector.add(pictures[1], named: "b.png", [ExampleBox(className: "Mug", box: proposed)])
        try collector.add(ordinary: pictures[2])
        #expect(collector.classNames == ["mug"])
        var options = ExampleOptions()
        (options.negativeWeight, options.shrinkage) = (0.25, 0.3)
        let made = try collector.vocabulary(beside: words, options: options)
        #expect(made.names == ["mug"] && made.templates == words.templates)
        #expect(made.background?.phrase == "background")

        let seen = try Self.encode(detector, Array(pictures[..<2]), [[box, other], [proposed]])
        for (tower, rows) in [made.detectorEmbeddings, made.embeddings].enumerated() {
            func embeddings(_ seen: EncodedImages, _ place: Int) throws -> Tensor {
                let regions = try seen.regions(ofPicture: place)
                return try tower == 0 ? regions.embeddings : #require(regions.vlmEmbeddings)
            }
            let a = try embeddings(seen, 0)
            let b = try embeddings(seen, 1)
            var left = 0
            let all = try Tensor.cat(
                [[box, other], [proposed], []].enumerated().map { place, examples in
                    let rows = try ordinary.regions(ofPicture: place).boxes.enumerated().filter { _, region in
                        !examples.contains { $0.intersectionOverUnion(with: region) >= 0.5 }
                    }
                    left += try ordinary.regions(ofPicture: place).boxes.count - rows.count
                    return try embeddings(ordinary, place)
                        .indexSelected(0, Tensor(rows.map { Int64($0.offset) }))
                })
            #expect(left > 0, "a proposal that shows an example is not ordinary")
            let mean = try all.mean(0)
            let positive = try (a[0] * 3 + b[0]) / 4
            let direction = try positive - mean - (a[1] - mean) * 0.25
            // The row times the covariance of regions, with more on its diagonal, is that direction.
            let centered = try all - mean
            let covariance = try centered.transposed(0, 1).matmul(centered) / Double(all.shape[0])
            let width = mean.shape[0]
            let variance = try covariance.diagonal().sum().item() / Double(width)
            let back = try (covariance + Tensor.eye(width) * (0.3 * variance)).matmul(#require(rows)[0])
            #expect(isNear(try unit(back.unsqueezed(0))[0], try unit(direction.unsqueezed(0))[0]))
        }
        let kept = try #require(made.classes[0].examples)
        #expect(kept.shown.map(\.picture) == ["a.png", "a.png", "b.png"])
        #expect(
            kept.shown.map(\.weight) == [3, 1, 1] && kept.shown.map(\.isNegative) == [false, true, false])
        #expect(kept.ordinaryPictures == 1)
        #expect(kept.shown[0].box == [40, 20, 80, 50] && kept.negativeWeight == 0.25 && kept.mix == 0)
    }

    private static func encode(_ detector: Detector, _ images: [Image], _ boxes: [[Box]]) throws
        -> EncodedImages
    {
        try detector.encode(images, boxes: boxes)
    }

    /// Words alone at a mix of 1; half of each at one half.
    @Test func wordsAreMixedIn() async throws {
        let detector = try detector()
        let words = try await words(detector)
        var collector = ExampleCollector(detector)
        try collector.add(
            TestDetector.picture(), named: "a.png", [ExampleBox(className: "dog", box: box)])
        func made(_ mix: Double) throws -> Vocabulary {
            var options = ExampleOptions()
            options.mix = mix
            return try collector.vocabulary(beside: words, options: options)
        }
        let (none, half, whole) = (try made(0), try made(0.5), try made(1))
        let texts = try words.matrix(for: detector.identity)
        #expect(isNear(try unit(whole.embeddings)[0], try unit(texts)[1]))
        #expect(isNear(try unit(#require(whole.detectorEmbeddings))[0], try unit(texts)[1]))
        let between = try (none.embeddings[0] + texts[1]) / 2
        #expect(isNear(try unit(half.embeddings)[0], try unit(between.unsqueezed(0))[0]))
        #expect(half.classes[0].examples?.mix == 0.5)
        // The towers say different things of a box.
        #expect(try unit(none.embeddings) != unit(#require(none.detectorEmbeddings)))
    }

    /// A class of examples is detected beside words, and kept by files, merging and replacing.
    @Test func anOrdinaryRowOfAVocabulary() async throws {
        let detector = try detector()
        let words = try await words(detector)
        var collector = ExampleCollector(detector)
        try collector.add(
            TestDetector.picture(), named: "a.png",
            [ExampleBox(className: "dog", box: box), ExampleBox(className: "mug", box: box)])
        let made = try collector.vocabulary(beside: words)
        let joined = try words.replacing(with: made)
        #expect(joined.names == ["cat", "dog", "house", "tree", "mug"])
        #expect(joined.classes.map { $0.examples != nil } == [false, true, false, false, true])
        let own = try #require(joined.detectorEmbeddings)
        for (row, name) in joined.names.enumerated() {
            let source = joined.classes[row].examples == nil ? words : made
            let place = try #require(source.names.firstIndex(of: name))
            #expect(try joined.embeddings[row].isEqual(to: source.embeddings[place]))
            let rows = source.detectorEmbeddings ?? source.embeddings
            #expect(try own[row].isEqual(to: rows[place]))
        }
        let folder = try TemporaryFolder()
        try joined.write(to: folder.file("all.safetensors"))
        let read = try Vocabulary(contentsOf: folder.file("all.safetensors"))
        #expect(read.classes == joined.classes && read.names == joined.names)
        #expect(try #require(read.detectorEmbeddings).isEqual(to: own))
        #expect(try read.digest() == joined.digest())
        #expect(try read.digest() != Vocabulary.merging([words, made.rows([1])]).digest())
        let image = try TestDetector.picture()
        let found = try await detector.detect([image], vocabulary: read)
        #expect(try await found == detector.detect([image], vocabulary: joined))
        #expect(!found[0].isEmpty)
        // Words alone are written as before.
        try words.write(to: folder.file("words.safetensors"))
        #expect(try Safetensors(contentsOf: folder.file("words.safetensors")).metadata["version"] == "1")
        #expect(try Safetensors(contentsOf: folder.file("all.safetensors")).metadata["version"] == "2")
    }

    @Test func whatCannotBeShown() async throws {
        let detector = try detector()
        let words = try await words(detector)
        var collector = ExampleCollector(detector)
        #expect(throws: CLIPError.self) { try collector.vocabulary(beside: words) }
        let image = try TestDetector.picture()
        for wrong in [
            Box(x1: 300, y1: 0, x2: 320, y2: 20), Box(x1: 10, y1: 10, x2: 10, y2: 20),
            Box(x1: .nan, y1: 10, x2: 20, y2: 20),
        ] {
            let error = #expect(throws: DetectionError.self) {
                try collector.add(image, named: "a.png", [ExampleBox(className: "mug", box: wrong)])
            }
            #expect(error?.reason.contains("200 x 90") == true)
        }
        #expect(throws: DetectionError.self) {
            try collector.add(image, named: "a.png", [ExampleBox(className: "mug", box: box, weight: 0)])
        }
        #expect(collector.classNames.isEmpty)
        try collector.add(
            image, named: "a.png", [ExampleBox(className: "mug", box: box, isNegative: true)])
        let error = #expect(throws: CLIPError.self) { try collector.vocabulary(beside: words) }
        #expect(error?.reason.contains("only negatives") == true)
        try collector.add(image, named: "a.png", [ExampleBox(className: "mug", box: box)])
        var options = ExampleOptions()
        options.mix = 0.5
        let missing = #expect(throws: CLIPError.self) {
            try collector.vocabulary(beside: words, options: options)
        }
        #expect(missing?.reason.contains("no words") == true)
        options.mix = 1.5
        #expect(throws: ConfigurationError.self) {
            try collector.vocabulary(beside: words, options: options)
        }
    }
}
