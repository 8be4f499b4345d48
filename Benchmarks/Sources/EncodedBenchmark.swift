import ArgumentParser
import CLIP
import FVLM
import Foundation
import Imaging
import Support
import Torch

/// Pictures that are seen once and asked twice: the cost of a further vocabulary beside that of a whole detection.
///
/// The aim is under 3 % for 1,203 names.
struct EncodedBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "encoded", abstract: "The cost of a further vocabulary for a picture that was seen.")

    @Option(help: "The detector's folder.")
    var model = "Models/emoji-detector"

    @Option(help: "The picture.")
    var picture = "Examples/EmojiScenes/Samples/000003.jpg"

    @Option(help: "The number of classes.")
    var classes = 1_203

    @Option(help: "The number of measurements of each.")
    var runs = 9

    @Option(help: "The score that detections must have.")
    var threshold = 0.05

    func run() throws {
        let detector = try Detector.load(model)
        let image = try Image(contentsOf: picture)
        let generator = try Generator(seed: 1)
        func vocabulary(_ prefix: String) throws -> Vocabulary {
            // Rows as far from each other as words are.
            let rows = try Tensor.randomNormal(
                [classes, detector.clip.configuration.embeddingWidth], generator: generator
            ).normalized()
            return try Vocabulary(
                classes: (0..<classes).map { Vocabulary.Class("\(prefix) \($0)") }, templates: ["{}"],
                embeddings: rows,
                background: .init(phrase: "background", embedding: rows.mean(0)), clip: detector.identity)
        }
        let (first, second) = (try vocabulary("a"), try vocabulary("b"))
        var options = detector.configuration.scoring
        options.scoreThreshold = threshold
        for masks in detector.configuration.network.masks ? [false, true] : [false] {
            options.includesMasks = masks
            var found = 0
            let whole = try Measurement(runs: runs) {
                found = try detector.detect([image], vocabulary: first, options: options)[0].count
            }
            let seen = try detector.encode([image], options: options, includesMasks: masks)
            let again = try Measurement(runs: runs) {
                _ = try seen.detections(of: second, options: options)
            }
            let profile = StageProfile()
            try StageProfile.$current.withValue(profile) {
                for _ in 0..<runs { _ = try seen.detections(of: second, options: options) }
            }
            print(
                "\(Runtime.threadCount) threads, \(classes) classes, masks \(masks ? "on" : "off"), \(found) objects: "
                    + "whole \(formatted(seconds: whole.median)), further vocabulary \(formatted(seconds: again.median)), "
                    + "\(rounded(100 * again.median / whole.median)) %")
            for stage in profile.stages {
                print("  \(stage.stage.rawValue) \(formatted(seconds: stage.seconds / Double(runs)))")
            }
        }
    }
}
