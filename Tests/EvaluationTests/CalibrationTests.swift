import Analysis
import COCO
import FVLM
import FixtureSupport
import Foundation
import Testing

@testable import Evaluation

/// Calibrations: fitted, measured on other pictures, kept in files and applied.
@Suite struct CalibrationTests {
    /// Pictures whose detections are right as often as half of their score (base) or a fifth of it (novel).
    private func problem() -> (truth: Dataset, found: DetectionTable, splits: [CategorySplit]) {
        var (truth, found) = (Dataset(), DetectionTable())
        truth.categories = [Category(id: 1, name: "dog"), Category(id: 2, name: "wolf")]
        var state: UInt64 = 3
        func random() -> Double {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(state >> 40) / Double(1 << 24)
        }
        var id: Int64 = 0
        for image in 1...400 {
            truth.images.append(
                ImageRecord(id: Int64(image), width: 1_000, height: 100, fileName: "\(image).png"))
            for place in 0..<8 {
                let category = Int64(place % 2 + 1)
                let box = BoundingBox(x: Double(place) * 100, y: 10, width: 50, height: 50)
                let score = 0.02 + 0.96 * random()
                found.append(
                    DetectionRecord(imageID: Int64(image), categoryID: category, score: score, box: box))
                guard random() < score / (category == 1 ? 2 : 5) else { continue }
                id += 1
                truth.annotations.append(
                    AnnotationRecord(
                        id: id, imageID: Int64(image), categoryID: category, box: box, area: 2_500))
            }
        }
        return (
            truth, found,
            [CategorySplit(name: "base", categoryIDs: [1]), CategorySplit(name: "novel", categoryIDs: [2])]
        )
    }

    private func fit(_ change: (inout CalibrationFit.Options) -> Void = { _ in }) -> CalibrationFit {
        let (truth, found, splits) = problem()
        var options = CalibrationFit.Options()
        change(&options)
        return CalibrationFit(
            truth: truth, detections: found, imageIDs: truth.images.ids, categoryIDs: [1, 2], splits: splits,
            options: options)
    }

    /// A mapped score is the share that was put in, for each group its own, and errors fall on unseen halves.
    @Test(arguments: ScoreMap.Method.allCases) func scoresBecomeShares(_ method: ScoreMap.Method) throws {
        let fit = fit { $0.method = method }
        let groups = try fit.fitted().groups
        for score in [0.3, 0.6, 0.9] {
            #expect(abs(try #require(groups["base"]).map(score) - score / 2) < 0.1)
            #expect(abs(try #require(groups["novel"]).map(score) - score / 5) < 0.08)
        }
        let crossed = try fit.crossed()
        #expect(crossed.figures.map(\.group) == ["base", "novel"])
        for figures in crossed.figures {
            #expect(figures.errorBefore > 0.2 && figures.errorAfter < 0.06, "\(figures)")
            #expect(figures.detections == 1_600)
        }
        #expect(crossed.before["base"]?.reduce(0) { $0 + $1.count } == 1_600)
        #expect(crossed.after["novel"]?.reduce(0) { $0 + $1.count } == 1_600)
    }

    /// At a wanted precision, and classes with enough objects.
    @Test func thresholdsAndClasses() throws {
        let fitted = try fit {
            $0.criterion = .precision(0.4)
            $0.classObjects = 300
        }.fitted()
        let base = try #require(fitted.groups["base"])
        #expect(try #require(base.precision) >= 0.4 && base.threshold != nil)
        // A fifth of 0.98 at most: never 0.4, but for luck at the top.
        #expect(fitted.groups["novel"]?.recall ?? 0 < 0.05)
        #expect(Array(fitted.classes.keys) == ["dog"])
        #expect(fitted.classes["dog"] == base)
    }

    @Test func filesAndUse() async throws {
        let folder = try TemporaryFolder()
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
        let detector = try Detector.load(root + "/Models/emoji-detector")
        let map = ScoreMap.platt(slope: 1, intercept: -1)
        let plain = ScoreCalibration.Group(
            map: map, threshold: 0.4, precision: 0.9, recall: 0.5, detections: 10, objects: 5)
        var strict = plain
        (strict.map, strict.threshold) = (.isotonic(scores: [0, 1], values: [0, 1]), 2)
        let calibration = ScoreCalibration(
            detector: try detector.network.store.digest(), clip: detector.identity.description,
            scoring: detector.configuration.scoring, method: .platt, criterion: "best F1", iouThreshold: 0.5,
            groups: ["base": plain, "novel": plain], classes: ["shrimp": strict])
        try calibration.write(to: folder.file("calibration.json"))
        let read = try ScoreCalibration(contentsOf: folder.file("calibration.json"))
        #expect(read == calibration)
        try read.check(detector)
        var other = read
        other.detector = "0"
        #expect(throws: EvaluationError.self) { try other.check(detector) }
        try folder.write("{}", "wrong.json")
        for name in ["wrong.json", "none.json"] {
            #expect(throws: EvaluationError.self) { try ScoreCalibration(contentsOf: folder.file(name)) }
        }

        let image = try Image(contentsOf: root + "/Examples/EmojiScenes/Samples/000003.jpg")
        let vocabulary = try await detector.vocabulary(
            of: ["ladybug", "shrimp", "dove", "letterbox"], templates: .single)
        let found = try await detector.detect([image], vocabulary: vocabulary)[0]
        let mapped = read.applied(to: found, of: detector, vocabulary)
        #expect(mapped.count == found.count && found.contains { $0.label == "shrimp" })
        for detection in found {
            let own = mapped.first { $0.box == detection.box && $0.label == detection.label }
            let expected =
                detection.label == "shrimp" ? Double(detection.score) : map(Double(detection.score))
            #expect(abs(Double(try #require(own).score) - expected) < 1e-6)
        }
        #expect(zip(mapped, mapped.dropFirst()).allSatisfy { $0.score >= $1.score })
        let kept = read.kept(mapped, of: detector, vocabulary)
        #expect(kept == mapped.filter { $0.label != "shrimp" && $0.score >= 0.4 } && !kept.isEmpty)
    }
}
