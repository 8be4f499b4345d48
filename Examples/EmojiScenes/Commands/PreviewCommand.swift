import ArgumentParser
import Imaging

/// Shows the pictures used in training.
struct PreviewCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "preview", abstract: "Draws a sheet of the pictures that pretraining sees.",
        discussion: "Example: emoji-scenes preview --output sheet.png --difficulty 1")

    @Option(help: "The folder of drawings from Tools/setup-emoji.") var glyphs = ".emoji"
    @Option(help: "The picture file.") var output: String
    @Option(help: "The seed of all random numbers.") var seed: UInt64 = 1
    @Option(help: "The difficulty, from 0 to 1.") var difficulty: Float = 1
    @Option(help: "The share of pictures that look like regions of scenes.") var regions: Float = 0
    @Option(help: "The side of a picture in pixels.") var side = 96

    mutating func run() throws {
        let (columns, rows) = (10, 6)
        let categories = Array(try CategoryList().known.prefix(columns * rows))
        let set = try GlyphSet(GlyphFolder(path: glyphs), categories: categories, styles: GlyphStyle.seen)
        let sampler = PictureSampler(glyphs: set, regionShare: regions)
        var sheet = [UInt8](repeating: 255, count: columns * rows * side * side * 3)
        for index in categories.indices {
            var random = RandomStream(seed: seed, "preview", index: index)
            let bytes = sampler.picture(
                category: index, style: index % 2, side: side, difficulty: difficulty, &random
            ).bytes
            for row in 0..<side {
                let target = ((index / columns * side + row) * columns + index % columns) * side * 3
                sheet.replaceSubrange(
                    target..<(target + side * 3), with: bytes[(row * side * 3)..<((row + 1) * side * 3)])
            }
        }
        try Image(width: columns * side, height: rows * side, pixels: sheet).write(to: output)
    }
}
