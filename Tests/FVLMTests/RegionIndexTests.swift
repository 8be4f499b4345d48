import FVLM
import FixtureSupport
import Foundation
import Imaging
import Support
import Testing

/// Pictures on the disk, searched without the network.
@Suite struct RegionIndexTests {
    private let folder: TemporaryFolder
    private let detector: Detector
    private let images: [Image]

    init() throws {
        folder = try TemporaryFolder()
        // Objectness counts, so that it must be kept too.
        detector = try TestDetector.detector(
            isResNet: true, settings: ["scoring.objectnessWeight=0.2", "scoring.limit=100"])
        images = try [(200, 90), (60, 150), (150, 150), (90, 90), (130, 120)].map {
            try TestDetector.picture(width: $0.0, height: $0.1)
        }
    }

    private func write(
        _ range: Range<Int>, regions: Int = 0, shardSize: Int = 2, finishes: Bool = true
    ) throws -> [String: RegionIndex.Picture] {
        var writer = try RegionIndexWriter(
            folder: folder.file("index"), detector: detector, regions: regions, shardSize: shardSize)
        let known = writer.known
        for place in range {
            let seen = try detector.encode([images[place]], includesMasks: false)
            try writer.add(
                "/pictures/\(place).png", sha256: "\(place)", size: images[place].size,
                seen.regions(ofPicture: 0))
        }
        if finishes { try writer.finish() }
        return known
    }

    private func vocabulary(_ names: [String]) throws -> Vocabulary {
        try Vocabulary(
            encoding: names.map { Vocabulary.Class($0) }, templates: .single, with: detector.clip,
            tokenizer: detector.clip.tokenizer())
    }

    /// Random heads make boxes that end at the picture's side and are thinner than a float32 can tell.
    private func isWhole(_ box: Box) -> Bool { min(box.width, box.height) > 0.01 }

    /// Every detection of every picture is found, with its score to a thousandth, and nothing else.
    @Test(arguments: [["cat"], ["cat", "dog", "a red house", "tree", "car"]])
    func aSearchEqualsFreshDetection(_ names: [String]) throws {
        _ = try write(0..<5)
        let index = try RegionIndex(contentsOf: folder.file("index"))
        #expect(index.pictures.map(\.path) == (0..<5).map { "/pictures/\($0).png" })
        let vocabulary = try vocabulary(names)
        let fresh = try detector.detect(images, vocabulary: vocabulary).map { $0.filter { isWhole($0.box) } }
        let all = try index.search(vocabulary, with: detector, top: 10_000)
        let hits = all.filter { isWhole($0.box) }
        #expect(hits.count == fresh.joined().count && hits.count > 20)
        #expect(zip(hits, hits.dropFirst()).allSatisfy { $0.score >= $1.score })
        for (picture, detections) in fresh.enumerated() {
            let own = hits.filter { $0.picture == picture }
            #expect(own.count == detections.count)
            for detection in detections {
                let hit = own.first { hit in
                    hit.classIndex == detection.classIndex
                        && abs(hit.box.x1 - detection.box.x1) + abs(hit.box.y2 - detection.box.y2) < 1e-3
                        && abs(hit.box.x2 - detection.box.x2) < 1e-3
                }
                #expect(abs((try #require(hit)).score - detection.score) < 1e-3)
                #expect(hit?.label == detection.label)
            }
        }
        // The best of each class.
        let best = try index.search(vocabulary, with: detector, top: 3)
        for place in names.indices {
            #expect(
                best.filter { $0.classIndex == place }
                    == Array(all.filter { $0.classIndex == place }.prefix(3)))
        }
    }

    /// Rows of examples differ between the towers.
    @Test func examplesAreSearched() throws {
        _ = try write(0..<3)
        let index = try RegionIndex(contentsOf: folder.file("index"))
        var collector = ExampleCollector(detector)
        try collector.add(
            images[1], named: "1.png",
            [ExampleBox(className: "mug", box: Box(x1: 5, y1: 10, x2: 50, y2: 60))])
        let vocabulary = try collector.vocabulary(beside: vocabulary(["cat", "dog"]))
        let fresh = try detector.detect(Array(images[..<3]), vocabulary: vocabulary)
            .map { $0.filter { isWhole($0.box) } }
        let hits = try index.search(vocabulary, with: detector, top: 10_000).filter { isWhole($0.box) }
        #expect(hits.count == fresh.joined().count && !hits.isEmpty)
        for (hit, score) in zip(hits, fresh.joined().map(\.score).sorted(by: >)) {
            #expect(abs(hit.score - score) < 1e-3)
        }
    }

    /// A group with a softmax of its own has the scores that a search for it alone gives.
    @Test func groupsAreSearched() throws {
        _ = try write(0..<3)
        let index = try RegionIndex(contentsOf: folder.file("index"))
        let words = try vocabulary(["cat", "a red house", "dog", "tree"])
        let grouped = try words.makingExclusive(["a red house", "tree"], scores: .group)
        func scores(_ vocabulary: Vocabulary, _ name: String) throws -> [Float] {
            try index.search(vocabulary, with: detector, top: 10_000).filter { $0.label == name }
                .map(\.score)
        }
        let alone = try vocabulary(["a red house", "tree"])
        for name in ["a red house", "tree"] {
            let (own, other) = (try scores(grouped, name), try scores(alone, name))
            let shared = try scores(words, name)
            #expect(own.count == other.count && !own.isEmpty && own != shared)
            #expect(zip(own, other).allSatisfy { abs($0 - $1) < 1e-5 })
        }
        #expect(try scores(grouped, "dog") == scores(words, "dog"))
    }

    /// What was gathered since the last shard is lost, no more; nothing is written twice.
    @Test func anInterruptedRunGoesOn() throws {
        #expect(try write(0..<3, finishes: false).isEmpty)
        #expect(try RegionIndex(contentsOf: folder.file("index")).pictures.count == 2)
        let known = try write(2..<5)
        #expect(known.keys.sorted() == ["/pictures/0.png", "/pictures/1.png"])
        #expect(known["/pictures/1.png"]?.sha256 == "1")
        let index = try RegionIndex(contentsOf: folder.file("index"))
        #expect(index.pictures.map(\.sha256) == ["0", "1", "2", "3", "4"])
        // At once gives the same.
        let vocabulary = try vocabulary(["cat", "dog"])
        let hits = try index.search(vocabulary, with: detector, top: 10_000)
        try FileManager.default.removeItem(atPath: folder.file("index"))
        _ = try write(0..<5, shardSize: 100)
        #expect(
            try RegionIndex(contentsOf: folder.file("index")).search(vocabulary, with: detector, top: 10_000)
                == hits)
    }

    @Test func theMostObjectLikeRegionsAreKept() throws {
        _ = try write(0..<2, regions: 4)
        let index = try RegionIndex(contentsOf: folder.file("index"))
        #expect(index.pictures.map(\.regions) == [4, 4] && index.regionCount == 8)
        #expect(index.embeddingBytes == 8 * 2 * 2 * index.identity.width)
    }

    @Test func anotherModelsIndexIsRefused() throws {
        _ = try write(0..<1)
        let index = try RegionIndex(contentsOf: folder.file("index"))
        func refused(_ detector: Detector, _ part: String) throws {
            let error = #expect(throws: DetectionError.self) { try index.check(detector) }
            #expect(error?.reason.contains(part) == true, "\(error?.reason ?? "")")
            #expect(throws: DetectionError.self) {
                try RegionIndexWriter(folder: folder.file("index"), detector: detector, regions: 0)
            }
        }
        try refused(TestDetector.detector(isResNet: false), "another CLIP")
        try refused(
            TestDetector.detector(isResNet: true, settings: ["scoring.vlmDense=true"]), "vlmDense")
        try refused(TestDetector.detector(isResNet: true, settings: ["input.size=160"]), "size: 128")
        let other = try TestDetector.detector(isResNet: true)
        try other.network.store.initialize(seed: 9)
        try refused(other, "another detector")
        // Weights of scores are not the index's.
        #expect(
            throws: Never.self,
            performing: {
                try index.check(
                    TestDetector.detector(isResNet: true, settings: ["scoring.novelWeight=0.1"]))
            })
        #expect(throws: DetectionError.self) {
            try RegionIndexWriter(folder: folder.file("index"), detector: detector, regions: 7)
        }
        let empty = #expect(throws: DetectionError.self) { try RegionIndex(contentsOf: folder.file("none")) }
        #expect(empty?.reason.contains("no such folder") == true)
        try folder.write("", "full/other.txt")
        #expect(throws: DetectionError.self) {
            try RegionIndexWriter(folder: folder.file("full"), detector: detector)
        }
        try folder.write("{}", "index/index.json")
        #expect(throws: DetectionError.self) { try RegionIndex(contentsOf: folder.file("index")) }
    }

    /// Masks of boxes that were found before are those of detection.
    @Test func masksAreMadeAgain() throws {
        let vocabulary = try vocabulary(["cat"])
        let found = try detector.detect([images[0]], vocabulary: vocabulary)[0]
        let seen = try detector.encode([images[0]], boxes: [found.map(\.box)])
        let masks = try #require(try seen.masks(ofPicture: 0))
        #expect(masks.count == found.count)
        for (mask, detection) in zip(masks, found) {
            let own = try #require(try detection.mask(in: images[0].size))
            #expect(mask.size == own.size)
            let different = zip(mask.bytes, own.bytes).count { $0 != $1 }
            #expect(different <= 2, "\(different)")
        }
    }
}
