import Imaging
import Testing
import Tiling

@Suite struct TilingTests {
    /// Every pixel is in a tile, tiles have one size, and neighbors share at least what is asked for.
    @Test(arguments: [(1000, 640, 128), (641, 640, 128), (4096, 256, 51), (30_000, 1000, 0), (97, 30, 27)])
    func spansCoverTheLength(_ length: Int, _ tile: Int, _ overlap: Int) {
        let spans = TileGrid.spans(of: length, tile: tile, overlap: overlap)
        #expect(spans.first?.lowerBound == 0 && spans.last?.upperBound == length)
        #expect(spans.allSatisfy { $0.count == tile })
        #expect(zip(spans, spans.dropFirst()).allSatisfy { $0.upperBound - $1.lowerBound >= overlap })
        // One fewer would not do.
        #expect((spans.count - 1) * (tile - overlap) + overlap < length)
    }

    @Test func optionsAreChecked() throws {
        func error(_ change: (inout TilingOptions) -> Void) -> String {
            var options = TilingOptions()
            change(&options)
            do { try options.validate() } catch { return "\(error)" }
            return ""
        }
        #expect(error { _ in } == "")
        #expect(error { $0.side = 8 }.contains("tile: must be from 16"))
        #expect(error { $0.overlap = 0.95 }.contains("overlap: must be from 0 to 0.9"))
        #expect(error { $0.overlap = .nan }.contains("overlap"))
        #expect(error { $0.batchSize = 0 }.contains("batch size"))
        #expect(error { $0.matchThreshold = 1.5 }.contains("match threshold"))
    }

    // MARK: Cut boxes

    /// Two tiles of 100 pixels that share 20, and the whole picture of 180 x 100.
    private let size = ImageSize(width: 180, height: 100)
    private let looks = [
        Tile(columns: 0..<100, rows: 0..<100), Tile(columns: 80..<180, rows: 0..<100),
        Tile(columns: 0..<180, rows: 0..<100),
    ]

    private func candidate(
        _ x1: Double, _ x2: Double, look: Int32, score: Float = 0.8, classIndex: Int32 = 1
    ) -> LookBox {
        LookBox(
            box: Box(x1: x1, y1: 40, x2: x2, y2: 60), score: score, classIndex: classIndex, look: look)
    }

    private func dropped(_ candidates: LookBox...) -> [Bool] {
        CutBoxes(size, looks: looks).dropped(candidates)
    }

    /// An object from 85 to 115 is cut by the left tile, and whole in the right one.
    @Test func aBoxThatAnotherTileHoldsIsDropped() {
        #expect(dropped(candidate(85, 99.5, look: 0), candidate(85, 115, look: 1)) == [true, false])
    }

    @Test func aBoxThatNoOtherLookHoldsStays() {
        #expect(dropped(candidate(85, 100, look: 0)) == [false])
        // Larger than what the tiles share: each holds a piece.
        #expect(dropped(candidate(20, 100, look: 0), candidate(80, 160, look: 1)) == [false, false])
        // The whole picture shows it.
        #expect(
            dropped(candidate(20, 100, look: 0), candidate(80, 160, look: 1), candidate(20, 160, look: 2))
                == [true, true, false])
    }

    /// Another class, another object, and a look that hardly sees it are no witnesses.
    @Test func aWitnessSeesTheSameObject() {
        #expect(
            dropped(candidate(85, 100, look: 0), candidate(85, 115, look: 1, classIndex: 2)) == [
                false, false,
            ])
        #expect(dropped(candidate(85, 100, look: 0), candidate(97, 160, look: 1)) == [false, false])
        #expect(
            dropped(candidate(85, 100, look: 0), candidate(85, 115, look: 1, score: 0.3)) == [false, false])
        // A large object of the class behind it does not look like it where the tile ends.
        #expect(dropped(candidate(90, 100, look: 0), candidate(10, 170, look: 2)) == [false, false])
    }

    /// A part and a larger box of another look's object go, those of the same look, another class or a neighbor stay.
    @Test func whatAnotherLookHasFoundBetterIsADouble() {
        let object = candidate(85, 115, look: 1)
        #expect(
            LookBox.doubles([
                object, candidate(86, 96, look: 0), candidate(86, 96, look: 1), candidate(60, 150, look: 2),
                candidate(86, 96, look: 0, classIndex: 2), candidate(101, 132, look: 0),
                candidate(99, 132, look: 0),
            ]) == [false, true, false, true, false, false, true])
        // Only what is kept itself drops another.
        #expect(
            LookBox.doubles([object, candidate(100, 130, look: 0), candidate(112, 142, look: 2)])
                == [false, true, false])
        #expect(LookBox.doubles([]).isEmpty)
    }

    /// The picture's own edges cut nothing.
    @Test func anObjectAtThePicturesEdgeIsWhole() {
        let cut = CutBoxes(size, looks: looks)
        #expect(!cut.isCut(Box(x1: 0, y1: 0, x2: 50, y2: 100), look: 0))
        #expect(!cut.isCut(Box(x1: 140, y1: 0, x2: 180, y2: 100), look: 1))
        #expect(!cut.isCut(Box(x1: 0, y1: 0, x2: 180, y2: 100), look: 2))
        #expect(cut.isCut(Box(x1: 80.4, y1: 10, x2: 120, y2: 30), look: 1))
        #expect(!cut.isCut(Box(x1: 84, y1: 10, x2: 120, y2: 30), look: 1))
    }
}
