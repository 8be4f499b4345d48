import ArgumentParser
import COCO
import FVLM
import Foundation
import Imaging
import Support
import Torch

/// Finds small emoji in large scenes.
struct LargeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "large",
        abstract:
            "Large scenes of small emoji: tiles against one look, and against SAHI's merging of the same tiles.",
        discussion: """
            A scene has one emoji of 16 to 120 pixels for every 200 x 200 pixels or so. Printed are the average precision of boxes \
            of base and novel categories, double boxes (detections of an object that a better one of its class has found; sure: with a score of at least 0.5), the time \
            of the joint result, and the most memory that the program had.

            Example: emoji-scenes large --sides 1024 2048 4096 --threads 1
            """)

    @Option(help: "The folder of drawings from Tools/setup-emoji.") var glyphs = ".emoji"
    @Option(help: "The detector's folder.") var model = "Models/emoji-detector"
    @Option(parsing: .upToNextOption, help: "The sides of the scenes in pixels.") var sides = [
        1024, 2048, 4096,
    ]
    @Option(help: "The scenes of each size.") var scenes = 1
    @Option(help: "The side of a tile in pixels.") var tile = 256
    @Option(help: "A folder to keep the scenes in, as PNG.") var output: String?
    @Option(help: "The seed of all random numbers.") var seed: UInt64 = 1
    @Flag(help: "The joint result alone, for time and memory.") var jointOnly = false
    @Option(help: "Threads per operator; 0 uses one per processor.") var threads = 0

    func validate() throws {
        guard !sides.isEmpty, sides.allSatisfy({ (64...16_384).contains($0) }), scenes > 0, tile >= 16 else {
            throw ValidationError("--sides are from 64 to 16384, --scenes above 0, --tile at least 16")
        }
    }

    mutating func run() async throws {
        if threads > 0 { try Runtime.setThreadCount(threads) }
        let known = try CategoryList().known
        let set = try GlyphSet(GlyphFolder(path: glyphs), categories: known, styles: GlyphStyle.seen)
        let detector = try Detector.load(model)
        let vocabulary = try Vocabulary(
            encoding: known.map { Vocabulary.Class($0.name, split: $0.split == .base ? .base : .novel) },
            templates: .single, with: detector.clip, tokenizer: detector.clip.tokenizer())
        for side in sides {
            var test = LargeSceneTest(
                detector: detector, vocabulary: vocabulary, categories: known, tile: tile)
            for number in 0..<scenes {
                var random = RandomStream(seed: seed, "large \(side)", index: number)
                var composer = SceneComposer(glyphs: set, candidates: Array(known.indices), side: side)
                let count = max(side * side / 40_000, 1)
                composer.counts = count...count
                let scene = try composer.scene(&random)
                let image = try Image(width: side, height: side, pixels: scene.canvas.bytes)
                if let output {
                    try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
                    try image.write(to: "\(output)/\(side)-\(number).png")
                }
                try await test.add(image, scene.objects, jointOnly: jointOnly)
            }
            print(try test.table(side: side).markdown)
        }
    }
}
