import ArgumentParser
import CLIP
import FVLM
import Foundation
import Torch

/// Tests how well the frozen model classifies regions, before any detector is trained.
struct RegionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "regions",
        abstract: "Tests how often a CLIP names the object in a ground-truth box of a scene.",
        discussion: """
            Gives an upper bound for a detector built on this CLIP, by the size of scenes and the method of \
            scoring. Example: emoji-scenes regions --data runs/benchmark/data --sizes 256 384 512
            """)

    @Option(help: "The vision-language model.") var clip = "Models/emoji-clip"
    @Option(help: "A folder with scenes that render or benchmark wrote.") var data: String
    @Option(help: "The part of the scenes.") var part = "test"
    @Option(help: "The number of scenes, starting with the first.") var count = 100
    @Option(parsing: .upToNextOption, help: "Sides in pixels that scenes are resized to.")
    var sizes = [256, 320, 384, 448, 512]
    @Option(parsing: .upToNextOption, help: "Methods of scoring: attentionPool, crop.")
    var scorers: [ScoringOptions.Scorer] = [.attentionPool]
    @Option(help: "published (one sample per cell, not shifted by half a cell) or detectron2 (RoIAlign).")
    var family = DetectorConfiguration.Family.detectron2
    @Option(
        parsing: .upToNextOption,
        help:
            "Factors by which pictures are enlarged for regions; each region uses the ones closest to its best size."
    )
    var scales = [1.0]
    @Option(help: "The number of these used per region; their embeddings are averaged.")
    var scalesPerRegion = 1
    @Option(help: "The best size of a region, in pixels of the enlarged picture.") var objectSize = 56.0
    @Flag(help: "Pool from a map with twice as many cells along each side.") var dense = false
    @Option(help: "Threads per operator; 0 uses one per processor.") var threads = 0

    mutating func run() throws {
        if threads > 0 { try Runtime.setThreadCount(threads) }
        let known = try CategoryList().known
        let model = try CLIPModel.load(clip)
        let vocabulary = try Vocabulary(
            encoding: known.map { Vocabulary.Class($0.name) }, templates: .single, with: model,
            tokenizer: model.tokenizer())
        let splits = Dictionary(known.map { ($0.name, $0.split) }, uniquingKeysWith: { first, _ in first })
        let test = try DetectorTest(part, in: data, vocabulary: vocabulary, splits: splits, limit: count)
        var table = BenchmarkTable(
            title: "Classifying ground-truth boxes (\(count) scenes)",
            columns: DetectorTest.oracleColumns)
        for scorer in scorers {
            for size in sizes {
                var configuration = try DetectorConfiguration(preset: "published-small")
                configuration.family = family
                configuration.input.size = size
                configuration.scoring.scorer = scorer
                configuration.scoring.vlmScales = scales
                configuration.scoring.vlmScalesPerRegion = scalesPerRegion
                configuration.scoring.vlmObjectSize = objectSize
                configuration.scoring.vlmDense = dense && scorer == .attentionPool
                table.add("\(scorer.rawValue), \(size) px", try test.oracle(configuration, clip: model))
            }
        }
        print(table.markdown)
    }
}

extension ScoringOptions.Scorer: ExpressibleByArgument {}
