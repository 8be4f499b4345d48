import ArgumentParser
import Foundation
import Support

/// Renders the data set.
struct RenderCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "render",
        abstract: "Renders scenes of emoji as a COCO data set with exact masks.",
        discussion: """
            Writes train, val, test and test-unseen (drawings of a vendor never trained on), each a folder of \
            pictures and a JSON file, and the names of base and novel categories. The same seed gives the same bytes.

            Example: emoji-scenes render --output data/emoji --train 2000
            """)

    @Option(help: "The folder of drawings from Tools/setup-emoji.") var glyphs = ".emoji"
    @Option(help: "The folder to write.") var output: String
    @Option(help: "The seed of all random numbers.") var seed: UInt64 = 1
    @Option(help: "The side of a scene in pixels, such as 256 or 320.") var side = 256
    @Option(help: "Scenes to train on.") var train = 2_000
    @Option(help: "Scenes for choosing settings.") var val = 200
    @Option(help: "Scenes to test on, of each kind.") var test = 400
    @Option(help: "Novel categories in training scenes: absent or unlabeled.")
    var novel = SceneSet.NovelObjects.absent

    func validate() throws {
        guard (64...4_096).contains(side) else {
            throw ValidationError("--side must be from 64 to 4096 pixels")
        }
        guard min(train, val, test) >= 0 else {
            throw ValidationError("numbers of scenes cannot be negative")
        }
        guard novel != .labeled else {
            throw ValidationError(
                "--novel must be absent or unlabeled: with annotations, categories would no longer be novel")
        }
    }

    mutating func run() throws {
        let start = ContinuousClock.now
        let folder = try GlyphFolder(path: glyphs)
        let known = try CategoryList().known
        let seen = try GlyphSet(folder, categories: known, styles: GlyphStyle.seen)
        let unseen = try GlyphSet(folder, categories: known, styles: [GlyphStyle.unseen])
        for (set, glyphs) in [
            (SceneSet(name: "train", count: train, novelObjects: novel), seen),
            (SceneSet(name: "val", count: val, novelObjects: .labeled), seen),
            (SceneSet(name: "test", count: test, novelObjects: .labeled), seen),
            (SceneSet(name: "test-unseen", count: test, novelObjects: .labeled), unseen),
        ] where set.count > 0 {
            let dataset = try set.render(glyphs: glyphs, side: side, seed: seed, folder: output)
            print(
                "\(set.name): \(dataset.images.count) scenes, \(dataset.annotations.count) annotated objects, "
                    + NumberText.decimals(seconds(since: start), 1) + " s")
        }
        for split in [EmojiCategory.Split.base, .novel] {
            let names = known.filter { $0.split == split }.map(\.name).joined(separator: "\n") + "\n"
            try AtomicFile.write(names, to: "\(output)/\(split.rawValue).txt")
        }
    }
}

extension SceneSet.NovelObjects: ExpressibleByArgument {}
