import CLIP
import COCO
import FVLM
import FixtureSupport
import Foundation
import Imaging
import Testing

@testable import Evaluation

/// The committed detector on three of the committed scenes.
@Suite struct DetectorEvaluatorTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path
    private static let samples = root + "/Examples/EmojiScenes/Samples"

    private let folder: TemporaryFolder
    private let detector: Detector
    private var truth: Dataset
    private let vocabulary: Vocabulary

    init() throws {
        folder = try TemporaryFolder()
        detector = try Detector.load(Self.root + "/Models/emoji-detector")
        let all = try Dataset(contentsOf: Self.samples + "/annotations.json")
        truth = Dataset()
        for row in 0..<3 {
            truth.images.append(all.images[row])
            try folder.write(
                try Data(contentsOf: URL(filePath: "\(Self.samples)/\(all.images[row].fileName)")),
                all.images[row].fileName)
        }
        let ids = Set(truth.images.ids)
        for row in 0..<all.annotations.count where ids.contains(all.annotations.imageIDs[row]) {
            truth.annotations.append(row: row, of: all.annotations)
        }
        let used = Set(truth.annotations.categoryIDs)
        truth.categories = all.categories.filter { used.contains($0.id) }
        vocabulary = try Vocabulary(
            encoding: truth.categories.map { Vocabulary.Class($0.name) }, templates: .single,
            with: detector.clip, tokenizer: detector.clip.tokenizer())
    }

    private func evaluator(_ truth: Dataset? = nil) throws -> DetectorEvaluator {
        var evaluator = try DetectorEvaluator(
            truth: truth ?? self.truth, imagesIn: folder.path, vocabulary: vocabulary)
        evaluator.pictureCount = 1
        return evaluator
    }

    private func rows(_ table: DetectionTable) -> [DetectionRecord] { (0..<table.count).map { table[$0] } }

    /// Every object is found; of two detections of classes that their pictures do not have, one is above the threshold.
    @Test func falseAlarmsAreCounted() throws {
        let classes = truth.categories.map(\.id)
        var table = DetectionTable()
        var present: [Int64: Set<Int64>] = [:]
        for row in 0..<truth.annotations.count {
            let object = truth.annotations[row]
            present[object.imageID, default: []].insert(object.categoryID)
            table.append(
                DetectionRecord(
                    imageID: object.imageID, categoryID: object.categoryID, score: 0.9,
                    box: try #require(object.box)))
        }
        let objects = table.count
        for (image, score) in zip(truth.images.ids, [0.95, 0.1]) {
            let absent = try #require(classes.first { present[image]?.contains($0) != true })
            table.append(
                DetectionRecord(
                    imageID: image, categoryID: absent, score: score,
                    box: BoundingBox(x: 0, y: 0, width: 3, height: 3)))
        }
        let alarms = try evaluator().alarms(table, imageIDs: truth.images.ids)
        #expect(alarms.threshold == 0.9 && abs(alarms.pictures - 1.0 / 3) < 1e-12)
        let absent = 3 * classes.count - present.values.reduce(0) { $0 + $1.count }
        #expect(abs(alarms.classes - 1 / Double(absent)) < 1e-12)
        #expect(abs(alarms.f1 - 2 * Double(objects) / Double(2 * objects + 1)) < 1e-12)
    }

    /// Batches, with tasks and without, find what the library finds picture by picture, to the bit.
    @Test func everyDoorGivesTheSameDetections() async throws {
        var evaluator = try evaluator()
        let options = detector.configuration.scoring
        var direct: [DetectionRecord] = []
        for row in 0..<truth.images.count {
            let image = try Image(contentsOf: folder.file(truth.images[row].fileName))
            for found in try await detector.detect([image], vocabulary: vocabulary)[0] {
                direct.append(
                    try DetectionRecord(
                        found, imageID: truth.images.ids[row],
                        categoryID: evaluator.categoryIDs[found.classIndex], size: image.size))
            }
        }
        #expect(direct.count > 10)
        let single = try await evaluator.detections(of: detector, options: options)
        #expect(rows(single.table) == direct && single.faults.isEmpty)
        evaluator.batchSize = 2
        let batched = try await evaluator.detections(of: detector, options: options)
        #expect(rows(batched.table) == direct)
        func waiting() throws -> DetectorEvaluator.Detections {
            try evaluator.detections(of: detector, options: options)
        }
        let synchronous = try waiting()
        #expect(rows(synchronous.table) == direct)
        #expect(synchronous.pictures.map(\.png) == single.pictures.map(\.png) && single.pictures.count == 1)
    }

    /// The others are measured, as if the damaged picture had never been among them.
    @Test func aDamagedPictureIsLeftOut() async throws {
        let name = truth.images[1].fileName
        try folder.write(folder.bytes(name).prefix(900), name)
        let found = try await evaluator().detections(of: detector, options: detector.configuration.scoring)
        #expect(found.faults.map(\.imageID) == [truth.images.ids[1]])
        #expect(!found.table.imageIDs.contains(truth.images.ids[1]) && found.table.count > 0)
        let report = try evaluator().report(found)
        #expect(report.notes.count == 1 && report.notes[0].hasPrefix("1 of 3 pictures could not be used"))
        #expect(report.notes[0].contains(name))

        var others = truth
        others.images = ImageTable()
        for row in [0, 2] { others.images.append(truth.images[row]) }
        others.annotations = AnnotationTable()
        for row in 0..<truth.annotations.count where truth.annotations.imageIDs[row] != truth.images.ids[1] {
            others.annotations.append(row: row, of: truth.annotations)
        }
        let wanted = try evaluator(others)
        let direct = try wanted.report(
            await wanted.detections(of: detector, options: detector.configuration.scoring))
        #expect(report.metrics == direct.metrics && report["bbox/AP50"] ?? 0 > 0.5)
    }

    @Test func anotherSizeThanTheAnnotationsSayIsAFault() async throws {
        let name = truth.images[0].fileName
        try Image(width: 40, height: 30).write(to: folder.file(name))
        let found = try await evaluator().detections(of: detector, options: detector.configuration.scoring)
        #expect(
            "\(try #require(found.faults.first).error)".contains(
                "has 40 x 30 pixels, but its annotations say 256 x 256"))
    }

    @Test func nothingToMeasureIsAnError() async throws {
        for row in 0..<3 { try folder.write("none", truth.images[row].fileName) }
        let found = try await evaluator().detections(of: detector, options: detector.configuration.scoring)
        #expect(found.faults.count == 3)
        #expect(throws: ImagingError.self) { try evaluator().report(found) }
    }

    /// Annotations without masks are measured by their boxes.
    @Test func boxesAreMeasuredWithoutMasks() async throws {
        let options = detector.configuration.scoring
        let found = try await evaluator().detections(of: detector, options: options)
        let whole = try evaluator().report(found)
        for kept in [0, 1] {
            var boxes = truth
            boxes.annotations = AnnotationTable()
            for row in 0..<truth.annotations.count {
                var annotation = truth.annotations[row]
                if row >= kept { annotation.segmentation = nil }
                boxes.annotations.append(annotation)
            }
            let evaluator = try evaluator(boxes)
            let report = try evaluator.report(found)
            #expect(
                report.metrics == whole.metrics.filter { $0.name.hasPrefix("bbox") }
                    && !report.metrics.isEmpty)
            let count = truth.annotations.count
            #expect(
                report.notes == [
                    kept == 0
                        ? "the annotations have no masks: only boxes are measured"
                        : "\(count - 1) of \(count) annotations have no mask (the first: annotation \(truth.annotations.ids[1])): only boxes are measured"
                ])
        }
    }

    /// Whoever follows the progress can end the work.
    @Test func progressMayEndTheWork() async throws {
        var seen: [Int] = []
        await #expect(throws: CancellationError.self) {
            _ = try await evaluator().detections(of: detector, options: detector.configuration.scoring) {
                done, count in
                seen.append(done)
                #expect(count == 3)
                if done == 2 { throw CancellationError() }
            }
        }
        #expect(seen == [1, 2])
    }

    @Test func missingPicturesAreNamed() throws {
        try evaluator().checkPictures()
        try FileManager.default.removeItem(atPath: folder.file(truth.images[2].fileName))
        let error = #expect(throws: EvaluationError.self) { try evaluator().checkPictures() }
        #expect(error?.subject.hasSuffix(truth.images[2].fileName) == true)
    }
}
