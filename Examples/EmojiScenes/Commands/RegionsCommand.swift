import ArgumentParser
import CLIP
import FVLM
import Foundation
import Torch

/// Tests how well the frozen model names regions, before any detector is trained.
struct RegionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "regions",
        abstract: "Tests how often a CLIP names the object in a ground-truth box of a scene.",
        discussion: """
            Bounds what a detector upon this CLIP can reach, by the side that scenes are brought to and by the way of \
            scoring. Example: emoji-scenes regions --data runs/benchmark/data --sizes 256 384 512
            """)

    @Option(help: "The vision-language model.") var clip = "Models/emoji-clip"
    @Option(help: "A folder with scenes that render or benchmark wrote.") var data: String
    @Option(help: "The part of the scenes.") var part = "test"
    @Option(help: "How many scenes, from the first.") var count = 100
    @Option(parsing: .upToNextOption, help: "Sides in pixels that scenes are brought to.")
    var sizes = [256, 320, 384, 448, 512]
    @Option(parsing: .upToNextOption, help: "Ways of scoring: attentionPool, crop.")
    var scorers: [ScoringOptions.Scorer] = [.attentionPool]
    @Option(help: "published (a sample a cell, not moved by half a cell) or detectron2 (RoIAlign).")
    var family = DetectorConfiguration.Family.detectron2
    @Option(
        parsing: .upToNextOption,
        help:
            "How many times larger pictures are made for regions; each is looked at where its size suits best."
    )
    var scales = [1.0]
    @Option(help: "At how many of these a region is looked at; their embeddings are averaged.")
    var scalesPerRegion = 1
    @Option(help: "The size that suits best, in pixels of the enlarged picture.") var objectSize = 56.0
    @Flag(help: "Pool from a map with twice as many cells along each side.") var dense = false
    @Option(help: "Threads of an operator; 0 for one a processor.") var threads = 0

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
            title: "Naming the object in a ground-truth box (\(count) scenes)",
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
