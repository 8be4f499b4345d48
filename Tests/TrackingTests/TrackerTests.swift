import FixtureSupport
import Foundation
import Testing

@testable import Tracking

@Suite struct OptimalAssignmentTests {
    /// The least cost over all permutations.
    private func least(_ costs: [Double], _ rows: Int, _ columns: Int) -> Double {
        func best(_ row: Int, _ taken: Set<Int>, _ skips: Int) -> Double {
            guard row < rows else { return 0 }
            var value = skips > 0 ? best(row + 1, taken, skips - 1) : .infinity
            for column in 0..<columns where !taken.contains(column) {
                value = min(
                    value, costs[row * columns + column] + best(row + 1, taken.union([column]), skips))
            }
            return value
        }
        return best(0, [], max(0, rows - columns))
    }

    @Test(arguments: [(1, 1), (3, 3), (2, 5), (5, 2), (4, 6), (6, 6)])
    func noOtherPairsAreCheaper(_ rows: Int, _ columns: Int) {
        var state: UInt64 = UInt64(rows * 10 + columns)
        for _ in 0..<40 {
            let costs = (0..<rows * columns).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Double(Int(state >> 40) % 21) - 10
            }
            let pairs = OptimalAssignment.pairs(costs: costs, rows: rows, columns: columns)
            #expect(pairs.count == min(rows, columns))
            #expect(
                Set(pairs.map(\.row)).count == pairs.count && Set(pairs.map(\.column)).count == pairs.count)
            let total = pairs.reduce(0) { $0 + costs[$1.row * columns + $1.column] }
            #expect(abs(total - least(costs, rows, columns)) < 1e-9)
        }
    }

    @Test func nothingIsPairedWithNothing() {
        #expect(OptimalAssignment.pairs(costs: [], rows: 0, columns: 3).isEmpty)
        #expect(OptimalAssignment.pairs(costs: [], rows: 3, columns: 0).isEmpty)
    }
}

@Suite struct TrackerTests {
    private func detection(
        _ x: Double, score: Double = 0.9, classIndex: Int = 0, embedding: [Float]? = nil
    ) -> TrackedDetection {
        TrackedDetection(
            box: TrackedBox(left: x, top: 10, right: x + 20, bottom: 40), score: score,
            classIndex: classIndex,
            embedding: embedding)
    }

    @Test func idsStartAtOneInEveryVideo() {
        for _ in 0..<2 {
            var tracker = Tracker()
            _ = tracker.update([detection(0), detection(100)])
            let frame = tracker.update([detection(1), detection(101)])
            #expect(frame.assignments.map(\.id) == [1, 2])
            #expect(frame.events == [.confirmed(id: 1), .confirmed(id: 2)])
        }
    }

    @Test(arguments: [30.0, 5.0])
    func anObjectKeepsItsIDForASecondWhateverTheFrameRate(_ rate: Double) {
        var tracker = Tracker(options: .init(frameRate: rate))
        var events: [Tracker.Event] = []
        func id(at frame: Int, _ detections: [TrackedDetection]) -> Int? {
            let result = tracker.update(detections, time: Double(frame) / rate)
            events += result.events
            return result.assignments.first?.id
        }
        for frame in 0..<4 { _ = id(at: frame, [detection(0)]) }
        let gap = Int(rate * 0.9)
        for frame in 4..<4 + gap { _ = id(at: frame, []) }
        #expect(id(at: 4 + gap, [detection(0)]) == 1)
        #expect(events == [.confirmed(id: 1), .lost(id: 1), .found(id: 1)])
        let end = 5 + gap + Int(rate * 1.3)
        for frame in 5 + gap..<end { _ = id(at: frame, []) }
        #expect(events.last == .ended(id: 1))
        _ = id(at: end, [detection(0)])
        #expect(id(at: end + 1, [detection(0)]) == 2)
    }

    @Test func aPauseBetweenFramesEndsTracks() {
        var tracker = Tracker()
        for time in [0, 1.0 / 30, 2.0 / 30] { _ = tracker.update([detection(0)], time: time) }
        _ = tracker.update([], time: 10)
        let frame = tracker.update([], time: 10.04)
        #expect(frame.events == [.ended(id: 1)] && tracker.tracks.isEmpty)
    }

    @Test func looksBringAnObjectBackWhereItsBoxDoesNot() {
        let red: [Float] = [1, 0, 0]
        let blue: [Float] = [0, 1, 0]
        for (least, expected) in [(0.8 as Double?, [1, 2]), (nil, [3, 4])] {
            var options = Tracker.Options()
            options.minimumSimilarity = least
            var tracker = Tracker(options: options)
            for _ in 0..<3 {
                _ = tracker.update([detection(0, embedding: red), detection(60, embedding: blue)])
            }
            for _ in 0..<12 { _ = tracker.update([]) }
            // Both come back elsewhere, beyond their own boxes, in the other order.
            var ids: [Int?] = []
            for _ in 0..<2 {
                ids = tracker.update([detection(35, embedding: red), detection(95, embedding: blue)])
                    .assignments.map(\.id)
            }
            #expect(ids == expected)
        }
    }

    /// How far an object may have come is a matter of time, not of frames.
    @Test(arguments: [30.0, 5.0])
    func looksReachAsFarAtEveryRate(_ rate: Double) {
        var tracker = Tracker(options: .init(frameRate: rate))
        var time = 0.0
        var ids: [Int?] = []
        func see(_ x: Double?) {
            let found = x.map { [detection($0, embedding: [1, 0])] } ?? []
            ids = tracker.update(found, time: time).assignments.map(\.id)
            time += 1 / rate
        }
        for _ in 0..<3 { see(0) }
        for _ in 0..<Int(0.8 * rate) { see(nil) }
        // Six of its sides away after 0.8 seconds and a frame.
        for _ in 0..<2 { see(180) }
        #expect(ids == [1])
    }

    /// Other names of an object and parts of it get no tracks of their own; an object of another class in front of it does.
    @Test func anObjectHasOneTrack() {
        func box(_ x: Double, _ width: Double, _ score: Double, _ classIndex: Int) -> TrackedDetection {
            TrackedDetection(
                box: TrackedBox(left: x, top: 0, right: x + width, bottom: 40), score: score,
                classIndex: classIndex)
        }
        let found = [
            box(0, 40, 0.7, 0), box(2, 40, 0.95, 1), box(1, 40, 0.75, 2), box(4, 12, 0.8, 1),
            box(20, 16, 0.9, 3), box(-3, 90, 0.72, 1),
        ]
        for followsRepeats in [false, true] {
            var options = Tracker.Options()
            options.followsRepeats = followsRepeats
            var tracker = Tracker(options: options)
            var ids: [Int?] = []
            for _ in 0..<3 { ids = tracker.update(found).assignments.map(\.id) }
            #expect(ids == (followsRepeats ? [1, 2, 3, 4, 5, 6] : [nil, 1, nil, nil, 2, nil]))
        }
    }

    /// Names of nearly the same box vote together, whichever of them is the best in a frame.
    @Test func otherNamesOfAnObjectCountForItsClass() {
        var options = Tracker.Options()
        options.followsRepeats = false
        var tracker = Tracker(options: options)
        for _ in 0..<3 {
            for best in [4, 5] {
                _ = tracker.update([
                    detection(0, score: 0.9, classIndex: best), detection(1, score: 0.8, classIndex: 7),
                ])
            }
        }
        #expect(tracker.tracks.map(\.id) == [1] && tracker.tracks.map(\.classIndex) == [7])
    }

    /// A doubtful box continues a track where it is near enough and not too doubtful.
    @Test(arguments: [(0.4, 2.0, true), (0.4, 15, false), (0.2, 2, false)])
    func doubtfulBoxesContinueTracks(_ score: Double, _ place: Double, _ isTaken: Bool) {
        var options = Tracker.Options()
        options.lowScore = 0.3
        options.minimumLowOverlap = 0.5
        var tracker = Tracker(options: options)
        for _ in 0..<3 { _ = tracker.update([detection(0)]) }
        let frame = tracker.update([detection(place, score: score)])
        #expect(frame.assignments.map(\.id) == [isTaken ? 1 : nil])
    }

    /// Another object that comes where a lost one was expected gets its own id, unless it is just there.
    @Test(arguments: [(12.0, [0, 1] as [Float], 2), (12, [1, 0], 1), (4, [0, 1], 1)])
    func aLostTrackTakesNoObjectThatLooksDifferent(_ place: Double, _ looks: [Float], _ id: Int) {
        var tracker = Tracker()
        for _ in 0..<3 { _ = tracker.update([detection(0, embedding: [1, 0])]) }
        _ = tracker.update([])
        var ids: [Int?] = []
        for _ in 0..<2 { ids = tracker.update([detection(place, embedding: looks)]).assignments.map(\.id) }
        #expect(ids == [id])
    }

    @Test func aFarObjectThatLooksTheSameIsAnother() {
        var tracker = Tracker()
        for _ in 0..<3 { _ = tracker.update([detection(0, embedding: [1, 0])]) }
        _ = tracker.update([])
        var ids: [Int?] = []
        for _ in 0..<2 { ids = tracker.update([detection(5_000, embedding: [1, 0])]).assignments.map(\.id) }
        #expect(ids == [2])
    }

    @Test func lowScoresOfAClassAreMeasuredByItsBest() {
        var options = Tracker.Options()
        var ids: [Tracker.ScoreScale: [Int?]] = [:]
        for scale in Tracker.ScoreScale.allCases {
            options.scoreScale = scale
            var tracker = Tracker(options: options)
            for _ in 0..<3 {
                ids[scale] = tracker.update([
                    detection(0, score: 0.65), detection(100, score: 0.45, classIndex: 1),
                ])
                .assignments.map(\.id)
            }
        }
        #expect(ids[.absolute] == [nil, nil])
        #expect(ids[.relativeToClass] == [1, 2])
    }

    @Test func theClassIsThatOfMostDetections() {
        var tracker = Tracker()
        var classes: [Int] = []
        for index in [3, 3, 5, 3, 5, 3] {
            classes = tracker.update([detection(0, classIndex: index)]).assignments.map(\.classIndex)
        }
        #expect(classes == [3])
        #expect(tracker.tracks.map(\.classIndex) == [3])
    }

    @Test func numbersThatAreNoneGetNoTrack() {
        var tracker = Tracker()
        for _ in 0..<3 {
            let frame = tracker.update([
                detection(.nan), detection(0, score: .nan), detection(0), detection(.infinity),
            ])
            #expect(frame.assignments.count == 4)
            #expect(
                frame.assignments[0].id == nil && frame.assignments[1].id == nil
                    && frame.assignments[3].id == nil)
        }
        #expect(tracker.tracks.map(\.id) == [1])
    }

    @Test func memoryIsThatOfTheTracksThatAreAlive() {
        var tracker = Tracker()
        for frame in 0..<2_000 {
            // A new object every frame, far from all others.
            _ = tracker.update([
                detection(Double(frame % 50) * 1_000), detection(Double((frame + 25) % 50) * 1_000),
            ])
        }
        #expect(tracker.tracks.count < 200)
    }
}

@Suite struct MOTFileTests {
    @Test func aWrittenFileIsReadBack() throws {
        let folder = try TemporaryFolder()
        let rows = [
            MOTFile.Row(
                frame: 1, id: 2, box: TrackedBox(left: 1.5, top: 2, right: 11.25, bottom: 22), score: 0.5),
            MOTFile.Row(frame: 3, id: 1, box: TrackedBox(left: -4, top: 0, right: 6, bottom: 10), score: 1),
        ]
        try MOTFile(rows: rows).write(to: folder.path + "/r.txt")
        #expect(try MOTFile(contentsOf: folder.path + "/r.txt").rows == rows)
    }

    @Test func otherLineEndsMarksAndBlanksAreRead() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/r.txt"
        try Data("\u{FEFF}1, 1, 0, 0, 10, 10, 1\r\n\r\n2 1 0 0 10 10\r\n".utf8).write(to: URL(filePath: path))
        let rows = try MOTFile(contentsOf: path).rows
        #expect(rows.map(\.frame) == [1, 2] && rows[0].box == rows[1].box)
    }

    @Test(arguments: [
        ("1,1,0,0,10,10,1\n1,1,5,5,10,10,1\n", ":2", "twice"), ("0,1,0,0,10,10,1\n", ":1", "from 1"),
        ("1,1,0,0\n", ":1", "numbers with commas"), ("1,1,0,0,nan,10,1\n", ":1", "numbers with commas"),
        ("frame,id,left,top,width,height\n", ":1", "numbers with commas"),
        // An empty field has its place, frames and ids are whole, sides are not negative.
        ("1,1,,10,10,20,20,1\n", ":1", "numbers with commas"), ("1.5,1,0,0,5,5,1\n", ":1", "numbers with"),
        ("1,1.2,0,0,5,5,1\n", ":1", "numbers with commas"), ("1,1,9,0,-5,5,1\n", ":1", "numbers with"),
    ])
    func aWrongLineIsNamed(_ text: String, _ place: String, _ reason: String) throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/r.txt"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        let error = #expect(throws: TrackingError.self) { try MOTFile(contentsOf: path) }
        #expect(error?.subject.hasSuffix(place) == true && error?.reason.contains(reason) == true)
    }
}
