import ArgumentParser
import FVLM
import Foundation
import Imaging
import Support
import Torch
import Tracking
import Video
import VideoDetection

/// Renders films of moving emoji, and measures trackers on them.
struct MovingCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "moving",
        abstract: "Films of emoji that move and are hidden now and then: how well objects keep their ids.",
        discussion: """
            Frames are 30 a second; the detector looks at each once, and the trackers follow what it found in all of them and in every \
            sixth. Without embeddings means that objects are not recognized by what they look like.

            Example: emoji-scenes moving --sequences 2 --seconds 6 --threads 1
            """)

    @Option(help: "The folder of drawings from Tools/setup-emoji.") var glyphs = ".emoji"
    @Option(help: "The detector's folder.") var model = "Models/emoji-detector"
    @Option(
        help: "A folder to keep the frames in, as PNG, with the true boxes as the MOT challenge writes them.")
    var output: String?
    @Option(help: "The films of base categories, and as many of novel ones.") var sequences = 2
    @Option(help: "The length of a film in seconds.") var seconds: Float = 6
    @Option(help: "The emoji in a film.") var objects = 5
    @Option(help: "The side of a frame in pixels.") var side = 256
    @Option(help: "The names that the detector looks for: all, or those in the film.") var names = Names.all
    @Option(help: "The seed of all random numbers.") var seed: UInt64 = 1
    @Flag(help: "Render only.") var renderOnly = false
    @Option(help: "Threads per operator; 0 uses one per processor.") var threads = 0

    /// The classes that the detector looks for.
    enum Names: String, ExpressibleByArgument, CaseIterable {
        /// All categories.
        case all
        /// Those of the objects in the film.
        case film
    }

    private static let frameRate = 30

    func validate() throws {
        guard sequences > 0, seconds > 0, (1...200).contains(objects), (64...4_096).contains(side) else {
            throw ValidationError(
                "--sequences, --seconds, --objects (to 200) and --side (64 to 4096) are above 0")
        }
        if renderOnly, output == nil { throw ValidationError("--render-only needs --output") }
    }

    mutating func run() async throws {
        if threads > 0 { try Runtime.setThreadCount(threads) }
        let known = try CategoryList().known
        let set = try GlyphSet(GlyphFolder(path: glyphs), categories: known, styles: GlyphStyle.seen)
        let detector = renderOnly ? nil : try Detector.load(model)
        let rules = Self.rules
        var table = BenchmarkTable(
            title:
                "Objects in \(sequences) films of \(seconds) seconds each with \(objects) emoji, names: \(names.rawValue)",
            columns: TrackingTest.columns)
        for split in [EmojiCategory.Split.base, .novel] {
            var films: [TrackingTest.Film] = []
            for number in 0..<sequences {
                var random = RandomStream(seed: seed, "moving \(split.rawValue)", index: number)
                let scene = MovingScene(
                    set, candidates: known.indices.filter { known[$0].split == split }, objects: objects,
                    side: side, seconds: seconds, frameRate: Float(Self.frameRate), &random)
                let name = "\(split.rawValue)-\(number + 1)"
                if let output { try write(scene, known, "\(output)/\(name)") }
                if let detector { films.append(try await film(scene, detector, known)) }
            }
            let test = TrackingTest(frameRate: Double(Self.frameRate))
            for step in films.isEmpty ? [] : [1, 6] {
                for rule in rules {
                    table.add(
                        "\(split.rawValue), \(Self.frameRate / step) frames/s, \(rule.name)",
                        test.figures(films, rule.options, every: step))
                }
            }
        }
        if !renderOnly { print(table.markdown) }
    }

    private static var rules: [TrackingTest.Rules] {
        var plain = Tracker.Options()
        plain.minimumSimilarity = nil
        var relative = Tracker.Options.openVocabulary
        relative.minimumSimilarity = nil
        return [
            .init(name: "plain ByteTrack", options: plain),
            .init(name: "without embeddings", options: relative),
            .init(name: "with embeddings", options: .openVocabulary),
        ]
    }

    /// What the detector finds in a film, and what is there.
    private func film(_ scene: MovingScene, _ detector: Detector, _ known: [EmojiCategory]) async throws
        -> TrackingTest.Film
    {
        let shown = Set(scene.movers.map(\.category))
        let classes = known.indices.filter { names == .all || shown.contains($0) }.map {
            Vocabulary.Class(known[$0].name, split: known[$0].split == .base ? .base : .novel)
        }
        let vocabulary = try Vocabulary(
            encoding: classes, templates: .single, with: detector.clip, tokenizer: detector.clip.tokenizer())
        var options = detector.configuration.scoring
        options.includesMasks = false
        let frames = MovingFrames(scene)
        var film = TrackingTest.Film()
        for try await frame in detector.track(frames, vocabulary: vocabulary, options: options) {
            film.detections.append(frame.detections.map(TrackedDetection.init))
        }
        film.objects = frames.objects
        return film
    }

    /// Writes frames as pictures, and the boxes of what is visible.
    private func write(_ scene: MovingScene, _ known: [EmojiCategory], _ path: String) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let frames = try parallelMap(scene.frameCount) { number in
            let frame = try scene.frame(number)
            try frame.image.write(to: "\(path)/\(String(format: "%06d", number)).png")
            return frame.objects.map { MOTFile.Row(frame: number + 1, id: $0.number + 1, box: $0.box) }
        }
        try MOTFile(rows: frames.flatMap { $0 }).write(to: path + ".gt.txt")
        let names = scene.movers.map { known[$0.category].name }.joined(separator: "\n") + "\n"
        try Data(names.utf8).write(to: URL(filePath: path + ".names.txt"), options: .atomic)
    }
}
