import FVLM
import FixtureSupport
import Foundation
import Imaging
import Testing

/// Detection in tiles, with small recorded CLIPs and random heads.
@Suite struct TiledDetectionTests {
    private func setUp(_ settings: [String] = []) async throws -> (Detector, Vocabulary) {
        let detector = try TestDetector.detector(isResNet: true, settings: settings)
        return (detector, try await detector.vocabulary(of: ["cat", "dog"], templates: .single))
    }

    private func tiles(_ side: Int, whole: Bool = true, merging: TilingOptions.Merging = .joint)
        -> TilingOptions
    {
        var tiles = TilingOptions()
        tiles.side = side
        tiles.includesWhole = whole
        tiles.merging = merging
        tiles.batchSize = 3
        return tiles
    }

    /// A picture that fits into a tile is looked at as without tiles.
    @Test(arguments: TilingOptions.Merging.allCases)
    func oneTileIsThePictureAlone(_ merging: TilingOptions.Merging) async throws {
        let (detector, vocabulary) = try await setUp()
        let picture = try TestDetector.picture()
        let alone = try await detector.detect([picture], vocabulary: vocabulary)[0]
        let tiled = try await detector.detect(
            picture, vocabulary: vocabulary, tiles: tiles(300, merging: merging))
        #expect(tiled == alone && !alone.isEmpty)
    }

    /// The result is what suppression makes of the regions of all looks, worked out here from each look's own detections without
    /// suppression.
    @Test func regionsOfAllLooksAreSuppressedTogether() async throws {
        let (detector, vocabulary) = try await setUp([
            "scoring.limit=1000", "network.proposalCount=[200, 150]",
        ])
        // A width of which a tile's is not a half: boxes of all of both would overlap by exactly the threshold.
        let picture = try TestDetector.picture(width: 211, height: 90)
        var tiles = tiles(100)
        // Bit for bit what the network finds of each look alone.
        tiles.batchSize = 1
        let found = try await detector.detect(picture, vocabulary: vocabulary, tiles: tiles)
        // All regions of each look: nothing overlaps by more than 1.
        var all = detector.configuration.scoring
        all.suppressionThreshold = 1
        var looks = TileGrid(picture.size, tiles).tiles
        #expect(looks.count == 3)
        looks.append(Tile(columns: 0..<211, rows: 0..<90))
        var candidates: [LookBox] = []
        for (number, look) in looks.enumerated() {
            let image = try picture.region(columns: look.columns, rows: look.rows)
            let (x, y) = (Double(look.columns.lowerBound), Double(look.rows.lowerBound))
            for detection in try await detector.detect([image], vocabulary: vocabulary, options: all)[0] {
                let box = detection.box
                candidates.append(
                    LookBox(
                        box: Box(x1: box.x1 + x, y1: box.y1 + y, x2: box.x2 + x, y2: box.y2 + y),
                        score: detection.score, classIndex: Int32(detection.classIndex), look: Int32(number)))
            }
        }
        let dropped = CutBoxes(picture.size, looks: looks).dropped(candidates)
        #expect(dropped.contains(true))
        var kept: [LookBox] = []
        let order = zip(candidates, dropped).filter { !$1 }.map(\.0).sorted { $0.score > $1.score }
        let threshold = detector.configuration.scoring.suppressionThreshold
        for candidate in order
        where kept.allSatisfy({
            $0.classIndex != candidate.classIndex
                || BoxMerging.Measure.intersectionOverUnion($0.box, candidate.box) <= threshold
        }) {
            kept.append(candidate)
        }
        kept = zip(kept, LookBox.doubles(kept)).filter { !$1 }.map(\.0)
        #expect(found.count == kept.count && kept.count > looks.count)
        for (got, want) in zip(found, kept) {
            #expect(abs(got.score - want.score) < 1e-5)
            #expect(abs(got.box.x1 - want.box.x1) < 0.01 && abs(got.box.y2 - want.box.y2) < 0.01)
        }
    }

    /// Masks of regions that their own look suppressed are made too, and none reaches beyond its box.
    @Test func everyDetectionHasItsMask() async throws {
        let (detector, vocabulary) = try await setUp(["scoring.limit=1000"])
        let picture = try TestDetector.picture(width: 200, height: 90)
        let found = try await detector.detect(
            picture, vocabulary: vocabulary, tiles: tiles(100), includesEmbeddings: true)
        for detection in found {
            let mask = try #require(try detection.mask(in: picture.size))
            // Of the published family it reaches a cell beyond its box.
            #expect(Double(mask.columns.count) <= detection.box.width * 1.1 + 4)
            #expect(detection.embedding?.isEmpty == false)
        }
        #expect(!found.isEmpty)
    }

    @Test func batchesDoNotChangeTheResult() async throws {
        let (detector, vocabulary) = try await setUp()
        let picture = try TestDetector.picture(width: 200, height: 90)
        var one = tiles(100)
        one.batchSize = 1
        let (a, b) = (
            try await detector.detect(picture, vocabulary: vocabulary, tiles: one),
            try await detector.detect(picture, vocabulary: vocabulary, tiles: tiles(100))
        )
        #expect(a.count == b.count && !a.isEmpty)
        for (a, b) in zip(a, b) { #expect(abs(a.score - b.score) < 1e-4) }
    }

    /// SAHI's rules start from the detections of each look.
    @Test(arguments: [TilingOptions.Merging.nms, .nmm, .greedyNMM])
    func finishedLooksAreMerged(_ merging: TilingOptions.Merging) async throws {
        let (detector, vocabulary) = try await setUp()
        let picture = try TestDetector.picture(width: 200, height: 90)
        let found = try await detector.detect(
            picture, vocabulary: vocabulary, tiles: tiles(100, merging: merging))
        #expect(!found.isEmpty && zip(found, found.dropFirst()).allSatisfy { $0.score >= $1.score })
        for (place, detection) in found.enumerated() {
            #expect(detection.box.x1 >= 0 && detection.box.x2 <= 200 && detection.box.y2 <= 90)
            #expect(try detection.mask(in: picture.size) != nil)
            // What is left does not match, unless merging made it grow.
            if merging == .nms {
                for other in found[..<place] where other.label == detection.label {
                    #expect(
                        BoxMerging.Measure.intersectionOverSmaller(other.box, detection.box) < 0.5)
                }
            }
        }
    }

    /// A file that is read part by part gives what the decoded picture gives.
    @Test func aTiledFileGivesTheSame() async throws {
        let (detector, vocabulary) = try await setUp()
        let picture = try TestDetector.picture(width: 200, height: 90)
        let folder = try TemporaryFolder()
        let path = try folder.write(
            TestTIFF.bytes(
                [TestTIFF.Picture(width: 200, height: 90, pixels: picture.pixels)], tile: 32), "a.tif")
        let fromFile = try await detector.detect(
            TiledTIFF(contentsOf: path), vocabulary: vocabulary, tiles: tiles(100))
        let fromMemory = try await detector.detect(picture, vocabulary: vocabulary, tiles: tiles(100))
        #expect(fromFile == fromMemory && !fromFile.isEmpty)
    }

    @Test func progressAndErrors() async throws {
        let (detector, vocabulary) = try await setUp()
        let picture = try TestDetector.picture(width: 200, height: 90)
        var told: [[Int]] = []
        _ = try await detector.detect(
            picture, vocabulary: vocabulary, tiles: tiles(100, whole: false),
            progress: { told.append([$0, $1]) })
        #expect(told == [[3, 3]])
        await #expect(throws: TilingError.self) {
            try await detector.detect(picture, vocabulary: vocabulary, tiles: tiles(4))
        }
    }
}
