import FixtureSupport
import Foundation
import Testing
import Tracking

/// Every case below Tests/Fixtures/tracking; rules are in the cases' notes.
@Suite struct TrackingParity {
    @Test(arguments: try Fixtures.names("tracking"))
    func matchesTheReference(_ name: String) throws {
        let fixture = try Fixtures.case("tracking", name)
        switch name {
        case let name where name.hasPrefix("bytetrack-"):
            try checkTracker(fixture)
            try check(
                TrackingMetrics(sequence(fixture, "gt.txt", "result.txt")), fixture.expected["metrics"],
                fixture)
        case "metrics":
            var total = TrackingMetrics()
            for name in try fixture.parameters["sequences"].object.keys.sorted() {
                let metrics = TrackingMetrics(try sequence(fixture, "\(name).gt.txt", "\(name).result.txt"))
                try check(metrics, fixture.expected["metrics"][name], fixture)
                total = total + metrics
            }
            try check(total, fixture.expected["metrics"]["COMBINED"], fixture)
        case let name where name.hasPrefix("metrics"):
            try check(
                TrackingMetrics(sequence(fixture, "gt.txt", "result.txt")), fixture.expected["metrics"],
                fixture)
        default: Issue.record("the case \(fixture.name) is not understood")
        }
    }

    private func sequence(_ fixture: FixtureCase, _ truth: String, _ tracks: String) throws
        -> TrackingSequence
    {
        TrackingSequence(
            truth: try MOTFile(contentsOf: fixture.path(truth)),
            tracks: try MOTFile(contentsOf: fixture.path(tracks)))
    }

    private func check(_ metrics: TrackingMetrics, _ expected: JSONValue, _ fixture: FixtureCase) throws {
        var lists: [String: [Double]] = [
            "HOTA_by_alpha": metrics.hotaByAlpha, "DetA_by_alpha": metrics.detectionByAlpha,
            "AssA_by_alpha": metrics.associationByAlpha, "LocA_by_alpha": metrics.localizationByAlpha,
            "HOTA_TP": metrics.hotaCounts.truePositives.map(Double.init),
            "HOTA_FN": metrics.hotaCounts.falseNegatives.map(Double.init),
            "HOTA_FP": metrics.hotaCounts.falsePositives.map(Double.init),
        ]
        for (name, value) in metrics.figures { lists[name] = [value] }
        for (name, want) in try expected.object {
            let got = try #require(lists[name], "\(fixture.name): \(name) is not known")
            let wanted = try (try? want.doubles) ?? [want.double]
            let difference = Comparison.difference(
                "\(fixture.name) \(name)", got, wanted, shape: [wanted.count], try fixture.tolerance())
            #expect(difference == nil, "\(difference ?? "")")
        }
    }

    private func checkTracker(_ fixture: FixtureCase) throws {
        let parameters = try fixture.parameters["tracker"]
        let rate = try fixture.parameters["frame_rate"].double
        var options = Tracker.Options(frameRate: rate)
        options.lostDuration = try parameters["lost_track_buffer"].double / 30
        options.activationScore = try parameters["track_activation_threshold"].double
        options.confirmationCount = try parameters["minimum_consecutive_frames"].int
        options.minimumOverlap = try parameters["minimum_iou_threshold"].double
        options.highScore = try parameters["high_conf_det_threshold"].double
        let data = try Data(contentsOf: URL(filePath: fixture.path("detections.json")))
        let frames = try data.withUnsafeBytes { try JSONValue(parsing: $0) }["frames"].array
        let expected = try fixture.expected["ids"].array
        // With times and without: a steady rate is the same.
        for hasTimes in [false, true] {
            var tracker = Tracker(options: options)
            var states: [[Int]: TrackedBox] = [:]
            for (index, frame) in frames.enumerated() {
                let detections = try frame.array.map { item in
                    let box = try item["box"].doubles
                    return TrackedDetection(
                        box: TrackedBox(left: box[0], top: box[1], right: box[2], bottom: box[3]),
                        score: try item["score"].double, classIndex: try item["class"].int)
                }
                let result = tracker.update(detections, time: hasTimes ? 7 + Double(index) / rate : nil)
                #expect(
                    try result.assignments.map { ($0.id ?? 0) - 1 } == expected[index].ints,
                    "\(fixture.name), frame \(index + 1)")
                for track in tracker.tracks {
                    states[[index + 1, track.id - 1, track.missedFrames]] = track.box
                }
            }
            let keys = try fixture.integers("out.states.keys")
            let boxes = try fixture.floats("out.states")
            #expect(states.count == keys.count / 3)
            let tolerance = try fixture.tolerance("out.states")
            for row in 0..<keys.count / 3 {
                let key = keys[3 * row..<3 * row + 3].map { Int($0) }
                let box = try #require(states[key], "\(fixture.name): no track \(key)")
                for (got, want) in zip(
                    [box.left, box.top, box.right, box.bottom], boxes[4 * row..<4 * row + 4])
                {
                    #expect(
                        abs(got - Double(want)) <= tolerance.abs + tolerance.rel * abs(Double(want)), "\(key)"
                    )
                }
            }
        }
    }
}
