import ArgumentParser
import CLIP
import FVLM
import Foundation
import Torch

/// Tests a trained detector with other weights of the two scores, without training.
struct WeightsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "weights",
        abstract: "Average precision of a trained detector by weights and temperature of CLIP's score.",
        discussion: """
            For choosing them on validation scenes. Example: emoji-scenes weights --data runs/benchmark/data \
            --model runs/benchmark/seed1/model --base 0.35 0.5 --novel 0.65 0.85
            """)

    @Option(help: "The detector's folder.") var model = "Models/emoji-detector"
    @Option(help: "A folder with scenes that render or benchmark wrote.") var data: String
    @Option(help: "The part of the scenes.") var part = "val"
    @Option(help: "The number of scenes, starting with the first.") var count = 100
    @Option(parsing: .upToNextOption, help: "Weights of CLIP's score for base categories.")
    var base = [0.35, 0.5]
    @Option(parsing: .upToNextOption, help: "Weights of CLIP's score for novel categories.")
    var novel = [0.65, 0.85]
    @Option(
        parsing: .upToNextOption, help: "Temperatures that divide cosines; by default, the detector's own.")
    var temperatures: [Double] = []
    @Option(parsing: .upToNextOption, help: "Weights of objectness; by default, the detector's own.")
    var objectness: [Double] = []
    @Option(
        parsing: .upToNextOption,
        help: "The overlap above which the weaker detection of a class is suppressed.")
    var suppression: [Double] = []
    @Option(help: "Threads per operator; 0 uses one per processor.") var threads = 0

    mutating func run() throws {
        if threads > 0 { try Runtime.setThreadCount(threads) }
        let known = try CategoryList().known
        let detector = try Detector.load(model)
        let vocabulary = try Vocabulary(
            encoding: known.map { Vocabulary.Class($0.name, split: $0.split == .base ? .base : .novel) },
            templates: .single, with: detector.clip, tokenizer: detector.clip.tokenizer())
        let splits = Dictionary(known.map { ($0.name, $0.split) }, uniquingKeysWith: { first, _ in first })
        let test = try DetectorTest(part, in: data, vocabulary: vocabulary, splits: splits, limit: count)
        var table = BenchmarkTable(
            title: "Weights of CLIP's score (\(count) scenes of \(part), boxes)",
            columns: ["base AP50", "novel AP50", "all AP50", "base AP", "novel AP", "all AP"])
        var options = detector.configuration.scoring
        options.scoreThreshold = 0.01
        options.includesMasks = false
        func choices(_ values: [Double], _ own: Double) -> [Double] { values.isEmpty ? [own] : values }
        for temperature in choices(temperatures, options.vlmTemperature) {
            for threshold in choices(suppression, options.suppressionThreshold) {
                for weight in choices(objectness, options.objectnessWeight) {
                    for (base, novel) in base.flatMap({ base in novel.map { (base, $0) } }) {
                        options.vlmTemperature = temperature
                        options.suppressionThreshold = threshold
                        options.objectnessWeight = weight
                        (options.baseWeight, options.novelWeight) = (base, novel)
                        table.add(
                            "base \(base), novel \(novel), objectness \(weight), temperature \(temperature), "
                                + "suppression \(threshold)",
                            try test.figures(of: detector, options: options))
                    }
                }
            }
        }
        print(table.markdown)
    }
}
