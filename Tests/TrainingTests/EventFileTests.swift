import Evaluation
import FixtureSupport
import Foundation
import Testing

@testable import Training

/// Bytes as the tensorboard package 2.21 writes them for the same events.
@Suite struct EventFileTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private let date = Date(timeIntervalSince1970: 1.5)

    private func written(_ body: (EventFileWriter) throws -> Void) throws -> String {
        let writer = try EventFileWriter(folder: folder.path, date: date)
        try body(writer)
        let data = try Data(contentsOf: URL(filePath: writer.path))
        let version =
            "1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c"
        let text = [UInt8](data).hexadecimal
        #expect(text.hasPrefix(version))
        return String(text.dropFirst(version.count))
    }

    @Test func scalar() throws {
        let text = try written { try $0.write(scalar: 0.25, tag: "train/loss", step: 300, date: date) }
        #expect(
            text
                == "2100000000000000017becf609000000000000f83f10ac022a130a110a0a747261696e2f6c6f7373150000803e6557981f"
        )
    }

    @Test func picture() throws {
        let picture = EvaluationReport.Picture(name: "p", width: 3, height: 2, png: [1, 2, 3])
        let text = try written { try $0.write(picture: picture, tag: "p", step: 300, date: date) }
        #expect(
            text
                == "200000000000000029eda95009000000000000f83f10ac022a120a100a0170220b08021003180322030102039ec21a31"
        )
    }

    @Test func precisionRecallCurve() throws {
        let curve = PrecisionRecallCurve(
            name: "bbox", scores: [0.9, 0.2, 0.4], areCorrect: [true, false, true], objectCount: 2,
            thresholdCount: 3)
        #expect(curve.truePositives == [2, 1, 0] && curve.falsePositives == [1, 0, 0])
        let text = try written { try $0.write(curve: curve, tag: "c", step: 300, date: date) }
        #expect(
            text
                == "8400000000000000411d8aef09000000000000f83f10ac022a760a740a016342560801120812020806120208032248000000400000803f000000000000803f0000000000000000000000000000000000000000000000000000803f00000040abaa2a3f0000803f0000803f0000803f0000003f000000004a170a0f0a0970725f63757276657312021003120462626f78f21cfe18"
        )
    }

    @Test func resumedRunsPurgeWhatComesAgain() throws {
        let writer = try EventFileWriter(folder: folder.path, firstStep: 300, date: date)
        let text = try [UInt8](Data(contentsOf: URL(filePath: writer.path))).hexadecimal
        #expect(text.hasSuffix("100000000000000095fbfe1809000000000000f83f10ac023a020801713b788a"))
        // A second writer of the same second does not overwrite the first.
        #expect(try EventFileWriter(folder: folder.path, date: date).path != writer.path)
    }

    // MARK: The real reader

    /// An interpreter that has the package tensorboard.
    private static let python: String? = {
        guard let python = ProcessInfo.processInfo.environment["FVLM_PYTHON"] else { return nil }
        return run(python, ["-c", "import tensorboard"]) == nil ? nil : python
    }()

    private static func run(_ program: String, _ arguments: [String]) -> String? {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return process.terminationStatus == 0 ? String(decoding: data, as: UTF8.self) : nil
    }

    private static let script = """
        import sys
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
        from tensorboard.util import tensor_util
        a = EventAccumulator(sys.argv[1], size_guidance={'scalars': 0, 'images': 0, 'tensors': 0}).Reload()
        for tag in sorted(a.Tags()['scalars']):
            print(tag, *[f'{e.step}:{e.value:.4g}' for e in a.Scalars(tag)])
        for tag in a.Tags()['images']:
            print(tag, *[(e.step, e.width, e.height, len(e.encoded_image_string)) for e in a.Images(tag)])
        for tag in a.Tags()['tensors']:
            print(tag, a.SummaryMetadata(tag).plugin_data.plugin_name)
            print([tensor_util.make_ndarray(e.tensor_proto).shape for e in a.Tensors(tag)])
        """

    @Test(.enabled("needs FVLM_PYTHON, an interpreter with the package tensorboard") { python != nil })
    func theRealReaderReads() throws {
        let log = try TensorBoardLog(folder: folder.path)
        for step in [10, 20] {
            try log.record(
                .progress(
                    TrainingProgress(
                        step: step, totalSteps: 20, epoch: 1, losses: [NamedValue("box", 0.5)],
                        loss: Double(step), learningRate: 0.1, gradientNorm: 2, imagesPerSecond: 3,
                        timing: .init(), remainingSeconds: 0)))
        }
        let report = EvaluationReport(
            metrics: [NamedValue("AP", 0.5)],
            curves: [
                PrecisionRecallCurve(name: "AP50", scores: [0.5], areCorrect: [true], objectCount: 1)
            ], pictures: [.init(name: "cat", width: 3, height: 2, png: [1, 2, 3])])
        try log.record(.evaluated(step: 20, report))
        let resumed = try TensorBoardLog(folder: folder.path, resumedStep: 20)
        try resumed.record(.evaluated(step: 30, EvaluationReport(metrics: [NamedValue("AP", 0.75)])))
        let python = try #require(Self.python)
        let text = try #require(Self.run(python, ["-c", Self.script, folder.path]))
        let lines = text.split(separator: "\n").map(String.init)
        #expect(lines.contains("train/loss 10:10 20:20"))
        #expect(lines.contains("evaluation/AP 20:0.5 30:0.75"))
        #expect(lines.contains("predictions/cat (20, 3, 2, 3)"))
        #expect(lines.contains("precision_recall/AP50 pr_curves") && lines.contains("[(6, 101)]"))
    }
}
