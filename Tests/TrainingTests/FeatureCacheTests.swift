import COCO
import Support
import FixtureSupport
import Foundation
import Imaging
import Testing
import Torch
import WeightFiles

@testable import Training

@Suite struct FeatureCacheTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private let identity = FeatureCacheIdentity(
        clip: "0123456789abcdef", preprocessing: "square 64, 2 views, seed 1", levels: ["C4", "C5"])

    private func key(_ number: Int, view: Int = 0) -> FeatureKey {
        FeatureKey(content: SHA256.hash([UInt8(number)]).hexadecimal, view: view)
    }

    private func features(_ number: Int) throws -> [(name: String, tensor: Tensor)] {
        let generator = try Generator(seed: UInt64(number))
        return [
            ("C4", try Tensor.randomNormal([1, 4, 3, 3], generator: generator)),
            ("C5", try Tensor.randomNormal([1, 8, 2, 2], generator: generator)),
        ]
    }

    private func fill(_ range: Range<Int>, identity: FeatureCacheIdentity, shard: Int = 400) throws {
        let writer = try FeatureCacheWriter(folder: folder.path, identity: identity, shardByteCount: shard)
        for number in range {
            for view in 0..<2 {
                try writer.write(key(number, view: view), features(10 * number + view))
            }
        }
        try writer.flush()
    }

    /// A disk without room is told after the first view, by what that takes; a disk that just suffices is not refused.
    @Test func aDiskWithoutRoomIsToldAtOnce() throws {
        let text = message {
            try TrainingRun.checkSpace(in: "cache", for: 1000, of: 2_000_000, free: 1_999_999_999)
        }
        #expect(
            text.hasPrefix(
                "cache: has no room for the cache: 1000 views of 2.0 MB take 2.0 GB, 2.0 GB are free"),
            "\(text)")
        #expect(text.contains("Fewer views (data.views) or bfloat16 take less"))
        try TrainingRun.checkSpace(in: "cache", for: 1000, of: 2_000_000, free: 2_000_000_000)
        try TrainingRun.checkSpace(in: "cache", for: 0, of: 2_000_000, free: 0)
        try TrainingRun.checkSpace(in: "cache", for: 1000, of: 2_000_000, free: nil)
        // What is free is known, of a folder as of a file in it.
        let free = try #require(FileStatus.freeBytes(at: folder.path))
        #expect(free > 0 && FileStatus.freeBytes(at: folder.file("none")) == nil)
    }

    @Test(arguments: [DType.bfloat16, .float32]) func whatIsWrittenIsRead(_ dtype: DType) throws {
        var identity = identity
        identity.dtype = dtype
        try fill(0..<5, identity: identity)
        let cache = try FeatureCache(folder: folder.path, identity: identity)
        #expect(cache.count == 10 && cache.byteCount > 10 * 68 * dtype.byteCount)
        #expect(folder.names.count > 3)
        for number in 0..<5 {
            for view in 0..<2 {
                let read = try cache.read(key(number, view: view))
                for (name, expected) in try features(10 * number + view) {
                    let tensor = try #require(read[name])
                    let stored = try tensor.dtype
                    #expect(tensor.shape == expected.shape && stored == dtype)
                    #expect(
                        try tensor.array(of: Float.self) == expected.to(dtype).array(of: Float.self))
                }
            }
        }
    }

    @Test func anInterruptedCacheGoesOn() throws {
        let first = try FeatureCacheWriter(folder: folder.path, identity: identity, shardByteCount: 300)
        for number in 0..<4 { try first.write(key(number), features(number)) }
        // Not flushed: what was still in memory is lost, what was written is there.
        let second = try FeatureCacheWriter(folder: folder.path, identity: identity)
        let kept = (0..<4).count { second.contains(key($0)) }
        #expect((1..<4).contains(kept))
        for number in 0..<6 { try second.write(key(number), features(number)) }
        try second.flush()
        let cache = try FeatureCache(folder: folder.path, identity: identity)
        #expect(cache.count == 6)
        for number in 0..<6 {
            #expect(
                try cache.read(key(number))["C5"]?.array(of: Float.self)
                    == features(number)[1].tensor.to(.bfloat16).array(of: Float.self))
        }
    }

    @Test func foreignAndStaleCachesAreRefused() throws {
        try fill(0..<1, identity: identity)
        for change: (inout FeatureCacheIdentity) -> Void in [
            { $0.clip = "fedcba9876543210" }, { $0.preprocessing = "square 96" }, { $0.levels = ["C5"] },
            { $0.dtype = .float32 },
        ] {
            var other = identity
            change(&other)
            #expect(
                message { _ = try FeatureCache(folder: folder.path, identity: other) }.contains(
                    "does not fit"))
            #expect(
                message { _ = try FeatureCacheWriter(folder: folder.path, identity: other) }.contains(
                    "holds another cache"))
        }
        let cache = try FeatureCache(folder: folder.path, identity: identity)
        #expect(message { _ = try cache.read(key(9)) }.contains("added, changed or moved"))
        #expect(message { _ = try cache.read(key(0, view: 2)) }.contains("no view 2"))
        #expect(
            message { _ = try FeatureCache(folder: folder.file("none"), identity: identity) }.contains(
                "is not a feature cache"))
    }

    /// Boxes from the cache's examples are those of the decoded ones, for every view.
    @Test func cachedExamplesAreThoseOfThePictures() throws {
        try Image(width: 60, height: 40).write(to: folder.file("a.png"))
        let time: [FileAttributeKey: Any] = [.modificationDate: Date(timeIntervalSince1970: 1_700_000_000)]
        try FileManager.default.setAttributes(time, ofItemAtPath: folder.file("a.png"))
        var annotations = Dataset()
        annotations.categories = [COCO.Category(id: 1, name: "a")]
        annotations.images.append(ImageRecord(id: 3, width: 60, height: 40, fileName: "a.png"))
        annotations.annotations.append(
            AnnotationRecord(id: 1, imageID: 3, categoryID: 1, box: .init(x: 10, y: 5, width: 40, height: 30))
        )
        let dataset = try TrainingDataset(
            annotations, imagesIn: folder.path, augmentation: .published(side: 48),
            options: .init(minimumBoxSide: 0))
        let preprocessing = try dataset.preprocessingIdentity(seed: 7, viewCount: 3)
        #expect(try preprocessing != dataset.preprocessingIdentity(seed: 8, viewCount: 3))
        let identity = FeatureCacheIdentity(
            clip: "c", preprocessing: preprocessing, levels: ["C5"], dtype: .float32)
        let path = folder.file("cache")
        let writer = try FeatureCacheWriter(folder: path, identity: identity)
        for view in 0..<3 {
            var random = ExampleLoader.random(seed: 7, view: view, row: 0)
            let example = try dataset.example(at: 0, view: view, random: &random)
            try writer.write(dataset.featureKey(at: 0, view: view), [("C5", example.pixels.mean([1, 2]))])
        }
        try writer.flush()
        let cached = CachedDataset(dataset, cache: try FeatureCache(folder: path, identity: identity))
        let options = ExampleLoader.Options(batchSize: 1, seed: 7, viewCount: 3)
        let (plain, quick) = (
            try ExampleLoader(dataset, options: options), try ExampleLoader(cached, options: options)
        )
        for _ in 0..<6 {
            let (a, b) = (try plain.nextBatch()[0], try quick.nextBatch()[0])
            #expect(try a.boxes.tensor.array(of: Float.self) == b.boxes.tensor.array(of: Float.self))
            #expect(try a.pixels.mean([1, 2]).array(of: Float.self) == b.features[0].array(of: Float.self))
            #expect(a.pixels.shape == b.pixels.shape)
        }
        // A picture is hashed once and not in every epoch: other bytes of the same size and time are not seen. Without a
        // loader, which would look at the file while it changes.
        let single = CachedDataset(dataset, cache: try FeatureCache(folder: path, identity: identity))
        func featureCount() throws -> Int {
            var random = ExampleLoader.random(seed: 7, view: 0, row: 0)
            return try single.example(at: 0, view: 0, random: &random).features.count
        }
        #expect(try featureCount() == 1)
        var bytes = folder.bytes("a.png")
        bytes[bytes.count - 1] ^= 1
        try Data(bytes).write(to: URL(filePath: folder.file("a.png")))
        try FileManager.default.setAttributes(time, ofItemAtPath: folder.file("a.png"))
        #expect(try featureCount() == 1)
        // A picture that was changed is another one.
        try Image(width: 60, height: 40, filledWith: .white).write(to: folder.file("a.png"))
        let changed = try ExampleLoader(cached, options: options)
        #expect(message { _ = try changed.nextBatch() }.contains("added, changed or moved"))
    }

    @Test func keysFollowTheContent() throws {
        try Data([1, 2]).write(to: URL(filePath: folder.file("a")))
        try Data([1, 2]).write(to: URL(filePath: folder.file("b")))
        try Data([1, 3]).write(to: URL(filePath: folder.file("c")))
        let keys = try ["a", "b", "c"].map { try FeatureKey(path: folder.file($0), view: 1) }
        #expect(keys[0] == keys[1] && keys[0] != keys[2])
        // The same picture at another place of the data set is varied otherwise.
        #expect(try keys[0] != FeatureKey(path: folder.file("a"), row: 1, view: 1))
        #expect(message { _ = try FeatureKey(path: folder.file("d")) }.contains("cannot be opened"))
    }

    @Test func otherLevelsAreRefused() throws {
        let writer = try FeatureCacheWriter(folder: folder.path, identity: identity)
        #expect(
            message { try writer.write(key(0), [("C4", try Tensor.zeros([1]))]) }.contains(
                "stores C4, C5, not C4"))
    }
}
