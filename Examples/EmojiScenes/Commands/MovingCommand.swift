import ArgumentParser
import FVLM
import Foundation
import Imaging
import Support
import Torch
import Tracking
import VideoDetection

/// Renders films of moving emoji, and measures trackers on them.
struct MovingCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "moving",
        abstract: "Films of emoji that move and are hidden now and then: how well objects keep their ids.",
        discussion: """
            Frames are 30 a second; the detector looks at each once, and the trackers follow what it found in all of them and in every \
            sixth. With perfect ids is what IDF1 were if every box of a track that has an object had the object's own id: what the \
            detector and the choice of boxes cost. Perfect boxes are the true ones: what the motion model costs.

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
    @Option(
        parsing: .upToNextOption,
        help:
            "The names that the detector looks for: those in the film, these and 36 others (some), or all 400."
    )
    var names = Names.allCases
    @Option(
        help: ArgumentHelp(
            "A folder for what the detector finds: written where it is not there yet, else read, to try other rules.",
            valueName: "folder"))
    var found: String?
    @Option(help: "The seed of all random numbers.") var seed: UInt64 = 1
    @Flag(help: "Render only.") var renderOnly = false
    @Option(help: "Threads per operator; 0 uses one per processor.") var threads = 0

    /// The classes that the detector looks for.
    enum Names: String, ExpressibleByArgument, CaseIterable {
        /// Those of the objects in the film.
        case film
        /// Those of the objects in the film, and every eleventh of all: a list as people give it.
        case some
        /// All categories.
        case all

        func includes(_ category: Int, shown: Set<Int>) -> Bool {
            switch self {
            case .film: shown.contains(category)
            case .some: shown.contains(category) || category % 11 == 0
            case .all: true
            }
        }
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
        for split in [EmojiCategory.Split.base, .novel] {
            // By names, a film each.
            var films: [Names: [TrackingTest.Film]] = [:]
            for number in 0..<sequences {
                var random = RandomStream(seed: seed, "moving \(split.rawValue)", index: number)
                let scene = MovingScene(
                    set, candidates: known.indices.filter { known[$0].split == split }, objects: objects,
                    side: side, seconds: seconds, frameRate: Float(Self.frameRate), &random)
                let name = "\(split.rawValue)-\(number + 1)"
                if let output { try write(scene, known, "\(output)/\(name)") }
                if let detector {
                    let film = try await whatIsFound(in: scene, name, detector, known)
                    films.merge(film.mapValues { [$0] }, uniquingKeysWith: +)
                }
            }
            let test = TrackingTest(frameRate: Double(Self.frameRate))
            for names in Names.allCases {
                guard let films = films[names] else { continue }
                print(table(of: films, split, names, test).markdown)
            }
        }
    }

    private func table(
        of films: [TrackingTest.Film], _ split: EmojiCategory.Split, _ names: Names, _ test: TrackingTest
    ) -> BenchmarkTable {
        var table = BenchmarkTable(
            title:
                "\(sequences) films of \(seconds) seconds with \(objects) emoji of \(split.rawValue) categories, names: \(names.rawValue)",
            columns: TrackingTest.columns)
        for step in [1, 6] {
            for rule in Self.rules {
                table.add(
                    "\(Self.frameRate / step) frames/s, \(rule.name)",
                    test.figures(films, rule.options, every: step))
            }
            table.add(
                "\(Self.frameRate / step) frames/s, perfect boxes",
                test.figures(films.map(\.perfect), .openVocabulary, every: step))
        }
        return table
    }

    /// What was found in a film with each of the lists of names: read where it was kept.
    private func whatIsFound(
        in scene: MovingScene, _ name: String, _ detector: Detector, _ known: [EmojiCategory]
    ) async throws -> [Names: TrackingTest.Film] {
        func path(_ names: Names) -> String? { found.map { "\($0)/\(name)-\(names.rawValue).json" } }
        if names.allSatisfy({ path($0).map(FileManager.default.fileExists(atPath:)) ?? false }) {
            return try Dictionary(
                uniqueKeysWithValues: names.compactMap { names in
                    try path(names).map {
                        (names, try TrackingTest.Film(contentsOf: $0, frames: scene.frameCount))
                    }
                })
        }
        let films = try await look(at: scene, detector, known)
        for (names, film) in films { try path(names).map { try film.write(to: $0) } }
        return films
    }

    private static var rules: [TrackingTest.Rules] {
        var plain = Tracker.Options()
        plain.minimumSimilarity = nil
        var relative = plain
        relative.scoreScale = .relativeToClass
        var boxes = Tracker.Options.openVocabulary
        boxes.minimumSimilarity = nil
        return [
            .init(name: "plain ByteTrack", options: plain),
            .init(name: "relative scores", options: relative),
            .init(name: "and one box an object", options: boxes),
            .init(name: "and looks (default)", options: .openVocabulary),
        ]
    }

    /// What the detector finds in a film, and what is there. It looks once for all lists of names.
    private func look(at scene: MovingScene, _ detector: Detector, _ known: [EmojiCategory]) async throws
        -> [Names: TrackingTest.Film]
    {
        let shown = Set(scene.movers.map(\.category))
        var options = detector.configuration.scoring
        options.includesMasks = false
        var vocabularies: [Names: Vocabulary] = [:]
        for list in names {
            let classes = known.indices.filter { list.includes($0, shown: shown) }.map {
                Vocabulary.Class(known[$0].name, split: known[$0].split == .base ? .base : .novel)
            }
            vocabularies[list] = try Vocabulary(
                encoding: classes, templates: .single, with: detector.clip,
                tokenizer: detector.clip.tokenizer())
        }
        var films: [Names: TrackingTest.Film] = [:]
        for number in 0..<scene.frameCount {
            let frame = try scene.frame(number)
            let seen = try await detector.encode([frame.image], options: options, includesMasks: false)
            for (list, vocabulary) in vocabularies {
                let detections = try await seen.detections(of: vocabulary, includesEmbeddings: true)[0]
                films[list, default: .init()].detections.append(detections.map(TrackedDetection.init))
                films[list, default: .init()].objects.append(frame.objects)
            }
        }
        return films
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
