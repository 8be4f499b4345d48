import FixtureSupport
import Imaging
import Testing
import Tiling

/// Every case below Tests/Fixtures/tiles; rules are in the cases' notes.
@Suite struct TilesParity {
    @Test(arguments: try Fixtures.names("tiles"))
    func matchesTheReference(_ name: String) throws {
        let fixture = try Fixtures.case("tiles", name)
        switch name {
        case let name where name.hasPrefix("slices-sahi"): try checkTiles(fixture, isSAHI: true)
        case let name where name.hasPrefix("slices-supervision"): try checkTiles(fixture, isSAHI: false)
        case let name where name.hasPrefix("merge-"): try checkMerging(fixture)
        default: Issue.record("the case \(fixture.name) is not understood")
        }
    }

    private func checkTiles(_ fixture: FixtureCase, isSAHI: Bool) throws {
        let expected = try fixture.expected["tiles"].array
        let pictures = try fixture.parameters["pictures"].array
        #expect(pictures.count == expected.count && !pictures.isEmpty)
        for (picture, want) in zip(pictures, expected) {
            let size = ImageSize(width: try picture["width"].int, height: try picture["height"].int)
            let tile = ImageSize(width: try picture["tile_width"].int, height: try picture["tile_height"].int)
            let tiles: [Tile]
            if isSAHI {
                let overlap = ImageSize(
                    width: TileGrid.overlap(try picture["overlap_width"].double, of: tile.width),
                    height: TileGrid.overlap(try picture["overlap_height"].double, of: tile.height))
                tiles = TileGrid(size, tile: tile, overlap: overlap).tiles
            } else {
                func spans(_ length: Int, _ tile: Int, _ overlap: Int) -> [Range<Int>] {
                    TileGrid.spans(of: length, tile: tile, overlap: overlap, cutsLast: overlap == 0)
                }
                let columns = spans(size.width, tile.width, try picture["overlap_width"].int)
                let rows = spans(size.height, tile.height, try picture["overlap_height"].int)
                tiles = rows.flatMap { rows in columns.map { Tile(columns: $0, rows: rows) } }
            }
            let got = tiles.map {
                [$0.columns.lowerBound, $0.rows.lowerBound, $0.columns.upperBound, $0.rows.upperBound]
            }
            #expect(try got == want.array.map { try $0.ints }, "\(fixture.name): \(picture)")
        }
    }

    private static let methods: [String: BoxMerging.Method] = [
        "NMS": .nms, "NMM": .nmm, "GREEDYNMM": .greedyNMM,
    ]
    private static let measures: [String: BoxMerging.Measure] = [
        "IOU": .intersectionOverUnion, "IOS": .intersectionOverSmaller,
    ]

    /// By class, falling score, then box.
    private static func precedes(_ a: [Double], _ b: [Double]) -> Bool {
        let keys = [a, b].map { [$0[5], -$0[4]] + $0[..<4] }
        return keys[0].lexicographicallyPrecedes(keys[1])
    }

    private func checkMerging(_ fixture: FixtureCase) throws {
        let corners = try fixture.floats("in.boxes").map { Double($0) }
        let (scores, classes) = (try fixture.floats("in.scores"), try fixture.integers("in.classes"))
        let boxes = scores.indices.map { row in
            ScoredBox(
                box: Box(
                    x1: corners[4 * row], y1: corners[4 * row + 1], x2: corners[4 * row + 2],
                    y2: corners[4 * row + 3]),
                score: Double(scores[row]), classIndex: Int(classes[row]))
        }
        let runs = try fixture.expected["runs"].array
        #expect(try runs.count == fixture.parameters["runs"].array.count && !runs.isEmpty)
        let tolerance = try fixture.tolerance()
        for run in runs {
            let merging = BoxMerging(
                try #require(Self.methods[run["method"].string]),
                by: try #require(Self.measures[run["metric"].string]), threshold: try run["threshold"].double,
                isClassAgnostic: try run["class_agnostic"].bool)
            let groups = merging(boxes)
            let rows: [[Double]] = groups.map { group in
                let (box, best) = (group.box, boxes[group.best])
                return [box.x1, box.y1, box.x2, box.y2, best.score, Double(best.classIndex)]
            }
            let got = rows.sorted(by: Self.precedes)
            let want = try run["boxes"].array.flatMap { try $0.doubles }
            let difference = Comparison.difference(
                "\(fixture.name) \(merging)", got.flatMap { $0 }, want, shape: [want.count / 6, 6], tolerance)
            #expect(difference == nil, "\(difference ?? "")")
            if let recorded = run.optional("groups") {
                let want = try recorded.array.map { group in
                    let parts = try group.array
                    return [try parts[0].int] + (try parts[1].ints)
                }
                #expect(
                    groups.sorted { $0.keeper < $1.keeper }.map { [$0.keeper] + $0.taken } == want,
                    "\(fixture.name) \(merging)")
            }
        }
    }
}
