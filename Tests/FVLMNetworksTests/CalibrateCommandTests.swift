import FixtureSupport
import Foundation
import Testing

/// `fvlm calibrate` and what uses it, with the committed detector, as a user types them.
@Suite struct CalibrateCommandTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path
    private static let samples = root + "/Examples/EmojiScenes/Samples"
    private static let model = ["--model", root + "/Models/emoji-detector", "--threads", "1"]

    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func objects(_ text: String) throws -> [[String: Any]] {
        try text.split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
    }

    @Test func scoresAreCalibrated() throws {
        let file = folder.file("calibration.json")
        let run = try Program(
            [
                "calibrate", "--annotations", Self.samples + "/annotations.json", "--images", Self.samples,
                "--templates", "single", "--output", file, "--plot", folder.file("plot.svg"), "--json",
            ] + Self.model)
        #expect(run.status == 0, "\(run.errors)")
        let report = try #require(try objects(run.output).first)
        let figures = try #require(report["figures"] as? [[String: Any]])
        #expect(figures.compactMap { $0["group"] as? String } == ["base", "novel"])
        #expect(figures.compactMap { $0["objects"] as? Int } == [36, 13])
        #expect(String(decoding: folder.bytes("plot.svg"), as: UTF8.self).contains("novel, mapped"))

        let detect =
            ["detect", Self.samples + "/000003.jpg", "--classes", "ladybug, shrimp, dove, letterbox"]
            + ["--templates", "single", "--json"] + Self.model
        func found(_ more: [String]) throws -> [Double] {
            let run = try Program(detect + more)
            #expect(run.status == 0, "\(run.errors)")
            return try #require(try objects(run.output)[0]["detections"] as? [[String: Any]])
                .compactMap { $0["score"] as? Double }
        }
        let plain = try found(["--score-threshold", "0.01"])
        let mapped = try found(["--score-threshold", "0.01", "--calibrated", "--calibration", file])
        #expect(mapped.count == plain.count && mapped != plain && !plain.isEmpty)
        let kept = try found(["--threshold", "best", "--calibration", file])
        #expect(kept.count < plain.count && !kept.isEmpty && kept.allSatisfy { plain.contains($0) })
        // Used only where it is asked for, and for this detector.
        let missing = try Program(detect + ["--calibrated"])
        #expect(missing.status != 0 && missing.errors.contains("fvlm calibrate"))
        let unused = try Program(detect + ["--calibration", file])
        #expect(unused.status == 64)
        let text = String(decoding: folder.bytes("calibration.json"), as: UTF8.self)
        try folder.write(
            text.replacing(/"detector" : "[0-9a-f]+"/, with: "\"detector\" : \"0\""), "other.json")
        let other = try Program(detect + ["--calibrated", "--calibration", folder.file("other.json")])
        #expect(other.status != 0 && other.errors.contains("belongs to the detector"))

        let suggested = try Program(detect + ["--suggest-threshold"])
        #expect(suggested.errors.firstMatch(of: /suggested threshold: --score-threshold 0\.\d+/) != nil)
    }

    /// Mapped scores keep the order within a class, so that AP stays; thresholds take detections away.
    @Test func calibratedScoresAreEvaluated() throws {
        let file = folder.file("calibration.json")
        let pictures = [
            "--annotations", Self.samples + "/annotations.json", "--images", Self.samples, "--templates",
            "single",
        ]
        let made = try Program(["calibrate", "--output", file] + pictures + Self.model)
        #expect(made.status == 0, "\(made.errors)")
        func evaluated(_ more: [String]) throws -> (stats: [Double], scores: [Double]) {
            let path = folder.file("results\(more.count).json")
            let run = try Program(
                ["evaluate", "--json", "--results", path] + pictures + Self.model + more)
            #expect(run.status == 0, "\(run.errors)")
            let object = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: path)))
            return (
                try #require(try objects(run.output)[0]["stats"] as? [Double]),
                try #require(object as? [[String: Any]]).compactMap { $0["score"] as? Double }
            )
        }
        let plain = try evaluated([])
        let mapped = try evaluated(["--calibrated", "--calibration", file])
        #expect(zip(plain.stats, mapped.stats).allSatisfy { abs($0 - $1) < 1e-9 })
        #expect(mapped.scores.count == plain.scores.count && mapped.scores != plain.scores)
        let kept = try evaluated(["--calibrated", "--threshold", "best", "--calibration", file])
        #expect(kept.scores.count < plain.scores.count && !kept.scores.isEmpty)
        #expect(Set(kept.scores).isSubset(of: mapped.scores))
    }

    @Test func settingsAreSearched() throws {
        let run = try Program(
            [
                "calibrate", "--annotations", Self.samples + "/annotations.json", "--images", Self.samples,
                "--templates", "single", "--output", folder.file("calibration.json"), "--search",
                "--search-pictures", "2", "--method", "isotonic", "--wanted-precision", "0.9", "--per-class",
                "1",
            ] + Self.model)
        #expect(run.status == 0, "\(run.errors)")
        let line = try #require(
            run.output.firstMatch(of: /search: AP50 (0\.\d+|1\.000) to (0\.\d+|1\.000) in (\d+) trials/))
        #expect(try #require(Double(line.2)) >= #require(Double(line.1)))
        #expect(run.output.contains("maps of their own"))
    }

    @Test func presencesAreFittedAndTold() throws {
        let file = folder.file("calibration.json")
        let run = try Program(
            [
                "calibrate", "--annotations", Self.samples + "/annotations.json", "--images", Self.samples,
                "--templates", "single", "--output", file, "--presence",
            ] + Self.model)
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output.contains("without presence") && run.output.contains("scoring.presencePicture="))
        let detect =
            ["detect", Self.samples + "/000003.jpg", "--classes", "ladybug, shrimp, dove, letterbox"]
            + ["--templates", "single"] + Self.model
        func presences(_ more: [String]) throws -> [String: Double] {
            let run = try Program(detect + ["--json", "--presence"] + more)
            #expect(run.status == 0, "\(run.errors)")
            return try #require(try objects(run.output)[0]["presence"] as? [String: Double])
        }
        let plain = try presences([])
        #expect(Set(plain.keys) == ["ladybug", "shrimp", "dove", "letterbox"])
        #expect(plain.values.allSatisfy { (0...1).contains($0) })
        #expect(try presences(["--threshold", "best", "--calibration", file]) != plain)
        #expect(try Program(detect + ["--presence"]).status == 64)
        #expect(try Program(detect + ["--json", "--presence", "--tile", "64"]).status == 64)
    }

    @Test(arguments: [
        ["--beta", "0"], ["--wanted-precision", "2"], ["--beta", "1", "--wanted-precision", "0.5"],
        ["--per-class", "0"],
    ])
    func mistyped(_ more: [String]) throws {
        let run = try Program(
            ["calibrate", "--annotations", "a", "--images", "b"] + Self.model + more)
        #expect(run.status == 64)
    }
}
