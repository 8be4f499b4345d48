import Evaluation
import FixtureSupport
import Foundation
import Testing
import WeightFiles

@testable import Training

@Suite struct RunLogTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func progress(_ step: Int, loss: Double = 1) -> TrainingEvent {
        .progress(
            TrainingProgress(
                step: step, totalSteps: 40, epoch: 0.5,
                losses: [NamedValue("box", loss / 4), NamedValue("class", loss * 3 / 4)], loss: loss,
                learningRate: 0.1, gradientNorm: 2, imagesPerSecond: 12.34, timing: .init(),
                remainingSeconds: 3725))
    }

    private let start = TrainingEvent.started(
        TrainingStart(
            step: 0, totalSteps: 40, exampleCount: 100, imagesPerStep: 4, trainableWeightCount: 1234,
            notes: []
        ))

    private let report = EvaluationReport(
        metrics: [NamedValue("bbox/AP50", 0.5), NamedValue("bbox/APs", -1)],
        classes: [
            .init(name: "<cat> & \"dog\"", group: "base", values: [NamedValue("AP", 0.5)]),
            .init(name: "emu", group: "novel", values: [NamedValue("AP", .nan)]),
        ],
        curves: [
            PrecisionRecallCurve(name: "all", scores: [0.9, 0.4], areCorrect: [true, false], objectCount: 2)
        ], pictures: [.init(name: "7", width: 4, height: 3, png: Array("PNG".utf8))])

    private func lines() throws -> [[String: JSONValue]] {
        try String(decoding: folder.bytes("metrics.jsonl"), as: UTF8.self).split(separator: "\n").map {
            line in
            let value = try Array(line.utf8).withUnsafeBytes { try JSONValue(parsing: $0) }
            guard case .object(let fields) = value else { throw TrainingError("line", "is no object") }
            return fields
        }
    }

    @Test func everyEventIsOneObject() throws {
        let log = try MetricsLog(path: folder.file("metrics.jsonl"))
        for event in [
            start, progress(20), progress(40, loss: .infinity), .evaluated(step: 40, report),
            .checkpointed(step: 40, path: "a\"b"), .checkpointFailed(step: 40, reason: "full\ndisk"),
            .finished(TrainingSummary(step: 40, isComplete: true, seconds: 2, imageCount: 160)),
        ] {
            try log.record(event)
        }
        let lines = try lines()
        #expect(
            lines.map { $0["event"] } == [
                .string("started"), .string("progress"), .string("progress"), .string("evaluation"),
                .string("checkpoint"), .string("checkpoint_failed"), .string("finished"),
            ])
        #expect(lines[1]["loss"] == .real(1) && lines[1]["step"] == .integer(20))
        #expect(lines[2]["loss"] == .null)
        #expect(lines[3]["metrics"] == .object(["bbox/AP50": .real(0.5), "bbox/APs": .real(-1)]))
        #expect(lines[5]["reason"] == .string("full\ndisk"))
    }

    @Test func resumedLogsForgetWhatComesAgain() throws {
        let path = folder.file("metrics.jsonl")
        var log = try MetricsLog(path: path)
        for step in [10, 20, 30] { try log.record(progress(step)) }
        // A line that a crash has cut off.
        let file = try #require(FileHandle(forWritingAtPath: path))
        try file.seekToEnd()
        try file.write(contentsOf: Data(#"{"event":"progress","st"#.utf8))
        log = try MetricsLog(path: path, resumedStep: 20)
        try log.record(progress(30, loss: 5))
        #expect(try lines().map { $0["step"] } == [.integer(10), .integer(20), .integer(30)])
        #expect(try lines()[2]["loss"] == .real(5))
        let history = try TrainingHistory(contentsOf: path)
        #expect(history.losses.map(\.name) == ["loss", "box", "class"])
        #expect(history.losses[0].values == [1, 1, 5] && history.losses[0].steps == [10, 20, 30])
    }

    @Test func theReportShowsEverything() throws {
        let log = try RunLog(folder: folder.path, title: "A & B")
        for event in [start, progress(10, loss: 4), progress(20, loss: 2), .evaluated(step: 20, report)] {
            try log.record(event)
        }
        #expect(!folder.names.contains("report.html"))
        try log.record(.finished(TrainingSummary(step: 20, isComplete: false, seconds: 1, imageCount: 80)))
        let page = String(decoding: folder.bytes("report.html"), as: UTF8.self)
        for part in [
            "<title>A &amp; B</title>", "20 of 40 steps", "Loss and its terms", "Precision over recall",
            "&lt;cat&gt; &amp; &quot;dog&quot;", "<td>novel</td>", "data:image/png;base64,UE5H",
        ] {
            #expect(page.contains(part), "\(part)")
        }
        // What is not a number, or COCO's -1, is a dash; nothing points outside of the page.
        #expect(page.contains("<td>–</td>") && !page.contains("nan") && !page.contains("http"))
        #expect(folder.names == ["metrics.jsonl", "report.html", "tensorboard"])
        let empty = TrainingHistory().report(title: "none")
        #expect(empty.contains("0 of 0 steps") && !empty.contains("<svg"))
    }

    // MARK: Progress

    @Test func plainLinesWhereThereIsNoTerminal() {
        var text = ""
        let display = ProgressDisplay(isTerminal: false) { text += $0 }
        for event in [
            start, .estimated(step: 11, secondsPerStep: 0.25, remainingSeconds: 7384), progress(10),
            .evaluated(step: 10, report), .checkpointed(step: 10, path: "x/step-000010"),
            .finished(TrainingSummary(step: 40, isComplete: true, seconds: 65, imageCount: 130)),
        ] {
            display.show(event)
        }
        #expect(
            text == """
                training to step 40: 100 examples, 4 per step, 1234 trainable weights
                0.25 s per step: about 2:03:04 to the last step
                step 10/40 epoch 0.5 loss 1 (box 0.25 class 0.75) rate 0.1 gradient 2 12.34 img/s, 1:02:05 left
                step 10: evaluation: bbox/AP50 0.5, bbox/APs -1
                step 10: checkpoint x/step-000010
                finished at step 40 after 1:05, 2 images/s

                """)
    }

    @Test func aBarThatFitsTheTerminal() {
        var parts: [String] = []
        let display = ProgressDisplay(isTerminal: true, width: { 50 }) { parts.append($0) }
        display.show(progress(10))
        display.show(progress(20))
        display.show(.checkpointed(step: 20, path: "p"))
        #expect(parts.count == 4 && parts[0].hasPrefix("\r\u{1B}[2K█████░"))
        #expect(parts[0].dropFirst("\r\u{1B}[2K".count).count == 49)
        #expect(parts[3] == "step 20: checkpoint p\n")
    }
}
