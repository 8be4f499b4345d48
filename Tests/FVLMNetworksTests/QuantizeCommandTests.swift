import FVLM
import FixtureSupport
import Foundation
import Testing

/// `fvlm quantize` and what uses it, with the committed detector, as a user types them.
@Suite struct QuantizeCommandTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path
    private static let samples = root + "/Examples/EmojiScenes/Samples"

    private let folder: TemporaryFolder
    private let model: String

    /// A copy of the committed detector, into which may be written.
    init() throws {
        folder = try TemporaryFolder()
        model = folder.file("emoji-detector")
        for name in ["emoji-detector", "emoji-clip"] {
            try FileManager.default.copyItem(
                atPath: "\(Self.root)/Models/\(name)", toPath: folder.file(name))
        }
    }

    private func detect(_ more: [String]) throws -> Program {
        try Program(
            [
                "detect", Self.samples + "/000003.jpg", "--classes", "ladybug, shrimp, dove, letterbox",
                "--templates", "single", "--json", "--model", model, "--threads", "1",
            ] + more)
    }

    private func boxes(_ run: Program) throws -> [(score: Double, box: [Double])] {
        #expect(run.status == 0, "\(run.errors)")
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
        return try #require(object["detections"] as? [[String: Any]]).map {
            (try #require($0["score"] as? Double), try #require($0["box"] as? [Double]))
        }
    }

    @Test(.enabled(if: Quantization.refusal == nil)) func aDetectorThatWasLookedIntoComputesInBytes() throws {
        let early = try detect(["--precision", "int8"])
        #expect(early.status == 1)
        #expect(
            early.errors.contains("quantization.json: does not exist")
                && early.errors.contains("fvlm quantize"))

        let before = try boxes(detect([]))
        let run = try Program([
            "quantize", model, "--images", Self.samples, "--pictures", "3", "--threads", "1", "--json",
        ])
        #expect(run.status == 0, "\(run.errors)")
        let summary = try #require(
            try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
        #expect(summary["pictures"] as? Int == 3)
        #expect(try #require(summary["int8"] as? Int) > 20)

        // Whoever does not ask for bytes gets what was there before.
        let after = try boxes(detect([]))
        #expect(before.map(\.score) == after.map(\.score) && before.map(\.box) == after.map(\.box))
        let found = try boxes(detect(["--precision", "int8"]))
        #expect(found.map(\.score) != before.map(\.score))
        for detection in before where detection.score > 0.5 {
            #expect(
                found.contains { other in
                    abs(other.score - detection.score) < 0.1
                        && zip(other.box, detection.box).allSatisfy { abs($0 - $1) < 4 }
                })
        }

        let path = model + "/quantization.json"
        let text = String(decoding: folder.bytes("emoji-detector/quantization.json"), as: UTF8.self)
        try folder.write(
            text.replacing(/"detector" : "[0-9a-f]+"/, with: "\"detector\" : \"0\""),
            "emoji-detector/quantization.json")
        let other = try detect(["--precision", "int8"])
        #expect(other.status != 0 && other.errors.contains("belongs to the detector 0"))
        try folder.write("{}", "emoji-detector/quantization.json")
        let broken = try detect(["--precision", "int8"])
        #expect(broken.status == 65 && broken.errors.contains("\(path): is not a quantization"))
    }

    @Test func wrongUseIsTold() throws {
        let none = try Program(["quantize", model, "--images", folder.file("nowhere")])
        #expect(none.status != 0 && none.errors.contains("nowhere"))
        for wrong in [["--pictures", "0"], ["--error-limit", "1"], ["--bfloat16-share", "2"]] {
            #expect(try Program(["quantize", model, "--images", Self.samples] + wrong).status == 64)
        }
        let unknown = try detect(["--precision", "int4"])
        #expect(unknown.status == 64 && unknown.errors.contains("int8"))
    }
}
