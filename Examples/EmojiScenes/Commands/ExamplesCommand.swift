import ArgumentParser
import CLIP
import FVLM
import Foundation
import Support
import Torch

/// Tests classes that are shown by boxes instead of named.
struct ExamplesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "examples",
        abstract: "Novel categories by example boxes against by name, and what negatives do.",
        discussion: """
            The first scenes of each part are tested; examples come from the others, of all novel categories that they show often \
            enough (shown). Draws differ in their examples: printed are means, and the spread from the least to the greatest. \
            Then, for the pairs that are most often confused by name in the other scenes: scenes of both categories alone, the \
            category that is taken for the other one by examples with and without boxes of that one as negatives. Printed are the \
            false alarms (the share of the other one's objects that are taken for the category at the threshold of its best \
            F1) and the best F1.

            Example: emoji-scenes render --train 0 --val 0 --test 500 --output scenes; emoji-scenes examples --data scenes
            """)

    @Option(help: "A folder with scenes that render wrote.") var data: String
    @Option(help: "The detector's folder.") var model = "Models/emoji-detector"
    @Option(parsing: .upToNextOption, help: "The parts of the scenes.") var parts = ["test", "test-unseen"]
    @Option(help: "The number of scenes that are tested, starting with the first.") var tested = 100
    @Option(parsing: .upToNextOption, help: "The numbers of examples.") var shots = [1, 3, 5]
    @Option(help: "How often examples are drawn.") var draws = 3
    @Option(help: "The number of scenes that show what is ordinary, the last ones.") var ordinary = 30
    @Option(help: "The share of the words in mixed classes.") var mix = 0.5
    @Option(help: "The number of confused pairs.") var pairs = 5
    @Flag(help: "The pairs alone.") var pairsOnly = false
    @Option(help: "The number of scenes of a pair.") var pairScenes = 40
    @Option(help: "The folder of drawings from Tools/setup-emoji, for the pairs.") var glyphs = ".emoji"
    @Option(help: "The seed of all random numbers.") var seed: UInt64 = 1
    @Option(help: "Threads per operator; 0 uses one per processor.") var threads = 0

    func validate() throws {
        guard min(tested, draws, shots.min() ?? 0) > 0, min(pairs, pairScenes, ordinary) >= 0 else {
            throw ValidationError(
                "--tested, --draws and --shots are above 0, --pairs, --pair-scenes and --ordinary not below")
        }
    }

    mutating func run() throws {
        if threads > 0 { try Runtime.setThreadCount(threads) }
        let known = try CategoryList().known
        let detector = try Detector.load(model)
        let words = try Vocabulary(
            encoding: known.map { Vocabulary.Class($0.name, split: $0.split == .base ? .base : .novel) },
            templates: .single, with: detector.clip, tokenizer: detector.clip.tokenizer())
        for part in parts {
            let test = try ExamplesTest(
                part, in: data, tested: tested, least: shots.max() ?? 1, detector: detector, words: words)
            if !pairsOnly {
                var table = BenchmarkTable(
                    title:
                        "\(part): \(tested) scenes, \(test.shown.count) novel categories shown, \(draws) draws",
                    columns: ExamplesTest.columns)
                table.rows = try test.compare(
                    shots: shots, draws: draws, ordinary: ordinary, mix: mix, seed: seed)
                try StandardOutput.print(table.markdown)
            }
            guard pairs > 0 else { continue }
            let styles = part.hasSuffix("unseen") ? [GlyphStyle.unseen] : GlyphStyle.seen
            let drawings = try GlyphSet(GlyphFolder(path: glyphs), categories: known, styles: styles)
            for pair in try test.confusedPairs(pairs) {
                var table = BenchmarkTable(
                    title: "\(part): '\(test.name(pair.truth))' taken for '\(test.name(pair.prediction))'",
                    columns: PairTest.columns)
                table.rows = try PairTest(
                    shown: Int(pair.prediction) - 1, other: Int(pair.truth) - 1, detector: detector,
                    words: words, glyphs: drawings, scenes: pairScenes,
                    ordinary: ordinary, seed: seed
                ).rows(examples: shots.max() ?? 1, draws: draws, mix: mix)
                try StandardOutput.print(table.markdown)
            }
        }
    }
}
