import ArgumentParser
import CLIP
import Foundation
import Support
import Torch

/// Tests the small CLIP.
struct ZeroShotCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "zero-shot", abstract: "Tests how often a CLIP names the emoji in fresh pictures.",
        discussion: """
            Pictures of 96 pixels with one object of 0.3 to 1 of the picture, rotated, recolored, on rich backgrounds; \
            all known categories are candidates. "Among others": with up to four other objects next to it. \
            Example: emoji-scenes zero-shot --clip Models/emoji-clip
            """)

    @Option(help: "The model's folder.") var clip = "Models/emoji-clip"
    @Option(help: "The folder of drawings from Tools/setup-emoji.") var glyphs = ".emoji"
    @Option(help: "Pictures per category and vendor.") var rounds = 5
    @Option(help: "The seed of all random numbers.") var seed: UInt64 = 2_024
    @Option(help: "The difficulty of the pictures, from 0 to 1.") var difficulty: Float = 1
    @Option(help: "Threads per operator; 0 uses one per processor.") var threads = 0
    @Flag(help: "Print JSON.") var json = false

    mutating func run() throws {
        if threads > 0 { try Runtime.setThreadCount(threads) }
        let model = try CLIPModel.load(clip)
        let tokenizer = try model.tokenizer()
        let known = try CategoryList().known
        let book = CaptionBook(categories: known)
        func embedded(_ names: [String], _ templates: PromptTemplates) throws -> Tensor {
            try Vocabulary(
                encoding: names.map { Vocabulary.Class($0) }, templates: templates, with: model,
                tokenizer: tokenizer
            ).matrix(for: model.identity())
        }
        let single = try embedded(known.map(\.name), .single)
        let ensemble = try embedded(known.map(\.name), .imageNet)

        var table = BenchmarkTable(
            title: "Zero-shot accuracy among \(known.count) names",
            columns: [
                "top-1", "top-5", "base top-1", "novel top-1", "80 sentences", "by a synonym", "among others",
            ])
        let embed: (Tensor) throws -> Tensor = { try model.embed(pixels: $0) }
        for style in GlyphStyle.allCases {
            let set = try GlyphSet(GlyphFolder(path: glyphs), categories: known, styles: [style])
            let test = ZeroShotTest(glyphs: set, seed: seed, difficulty: difficulty)
            var crowded = test
            crowded.othersShare = 1
            func accuracy(_ categories: [Int], _ texts: Tensor) throws -> ZeroShotAccuracy {
                try test.accuracy(
                    style: 0, categories: categories, texts: texts, rounds: rounds, embed: embed)
            }
            func members(_ split: EmojiCategory.Split) -> [Int] {
                known.indices.filter { known[$0].split == split }
            }
            let (base, novel) = (try accuracy(members(.base), single), try accuracy(members(.novel), single))
            let total = Double(base.pictures + novel.pictures)
            func joint(_ key: KeyPath<ZeroShotAccuracy, Double>) -> Double {
                (base[keyPath: key] * Double(base.pictures) + novel[keyPath: key] * Double(novel.pictures))
                    / total
            }
            table.add(
                style == GlyphStyle.unseen ? "\(style.rawValue) (never trained on)" : style.rawValue,
                [
                    "top-1": joint(\.top1), "top-5": joint(\.top5), "base top-1": base.top1,
                    "novel top-1": novel.top1,
                    "80 sentences": try accuracy(Array(known.indices), ensemble).top1,
                    "by a synonym": try synonymAccuracy(book, model, tokenizer, accuracy),
                    "among others": try crowded.accuracy(
                        style: 0, categories: Array(known.indices), texts: single, rounds: rounds,
                        embed: embed
                    ).top1,
                ])
        }
        if json {
            print(try JSONText.document(table))
        } else {
            print(table.markdown)
        }
    }

    /// The accuracy on categories that have a keyword of their own, named by it while all others keep their names.
    ///
    /// One category in eight at a time, so that most candidates remain names.
    private func synonymAccuracy(
        _ book: CaptionBook, _ model: CLIPModel, _ tokenizer: Tokenizer,
        _ accuracy: ([Int], Tensor) throws -> ZeroShotAccuracy
    ) throws -> Double {
        var (hits, total) = (0.0, 0)
        for part in 0..<8 {
            let chosen = book.categories.indices.filter { $0 % 8 == part && !book.synonyms[$0].isEmpty }
            guard !chosen.isEmpty else { continue }
            let texts = book.categories.indices.map { index in
                let name = chosen.contains(index) ? book.synonyms[index][0] : book.categories[index].name
                return CaptionBook.sentence(name, CaptionBook.prompt)
            }
            let result = try accuracy(chosen, model.embed(texts: texts, tokenizer: tokenizer))
            hits += result.top1 * Double(result.pictures)
            total += result.pictures
        }
        return hits / Double(max(total, 1))
    }
}
