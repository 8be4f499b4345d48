import ArgumentParser
import FVLMCommand
import Tracking
import VideoDetection

extension Tracker.ScoreScale: ExpressibleByArgument {}

/// `fvlm track`
struct TrackCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        .track,
        discussion: """
            Examples:
              fvlm track film.mp4 --model detector --classes "dog, ball" --output tracked.mp4
              fvlm track rtsp://camera/1 --model detector --classes-file names.txt --rate 5 --results tracks.jsonl
              fvlm track film.mp4 --model detector --vocabulary coco.safetensors --mot tracks.txt

            Films, streams and cameras (camera, camera:1) are read by ffmpeg. The pages of a TIFF, the frames of a GIF or \
            WebP and the pictures of a folder are films, too. An object keeps its id while it is seen, and \
            for --lost seconds while it is not. Results have a line for each frame, with its time in seconds; --mot \
            writes the boxes of confirmed tracks as the MOT challenge does. A film that is cut, and a stream that is \
            stopped by Ctrl-C, end with what was done; work that was killed is resumed by --resume.

            --calibrated maps scores, and --threshold best drops boxes, before objects are followed: thresholds of tracks are \
            then about mapped scores.
            """)

    @Argument(
        help: "The film, an address such as rtsp://..., camera, or a folder of pictures.", completion: .file()
    )
    var film: String

    @OptionGroup var detector: DetectorOptions
    @OptionGroup var wanted: VocabularyOptions

    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "A film with boxes, masks and ids drawn on it; its suffix says what kind. The sound is kept.",
            valueName: "file"), completion: .file())
    var output: String?

    @Option(
        help: ArgumentHelp("Write the results, a JSON object a frame, into this file.", valueName: "file"),
        completion: .file())
    var results: String?

    @Option(
        help: ArgumentHelp("Write the tracks in the form of the MOT challenge.", valueName: "file"),
        completion: .file())
    var mot: String?

    @Flag(help: "Put masks into the results, as compressed run lengths.")
    var masks = false

    @Flag(help: "Resume interrupted work from its results file.")
    var resume = false

    @Flag(
        help:
            "Add the presence of each class to the JSON of a picture or frame: how likely it has the class at all, by all of its regions and CLIP's look at the whole."
    )
    var presence = false

    @OptionGroup var calibration: CalibrationOptions
    @OptionGroup var reading: FilmArguments
    @OptionGroup var tiles: TileArguments

    @Option(help: "How many frames go through the network together.")
    var batchSize = 4

    @Option(
        help: ArgumentHelp(
            "How long an object that is not seen keeps its id. (default: \(Tracker.Options.openVocabulary.lostDuration); with --byte-track \(Tracker.Options().lostDuration))",
            valueName: "seconds"))
    var lost: Double?

    @Flag(
        help:
            "Follow by ByteTrack's rules: absolute scores, every box, no looks. Without it, an object's other names and parts get no tracks."
    )
    var byteTrack = false

    @Option(
        help:
            "What the thresholds of scores compare: relative to the best recent score of a class (the default), or absolute."
    )
    var scores: Tracker.ScoreScale?

    @Option(
        help:
            "The score from which a detection is associated first. (default: \(Tracker.Options.openVocabulary.highScore))"
    )
    var highScore: Double?

    @Option(
        help:
            "The score from which a detection begins a track. (default: \(Tracker.Options.openVocabulary.activationScore); with --byte-track \(Tracker.Options().activationScore))"
    )
    var activationScore: Double?

    @Flag(help: "Print the time of each stage; frames are decoded in parallel with the network.")
    var profile = false

    @Flag(inversion: .prefixedNo, help: "Bring objects back by what they look like, too.")
    var looks = true

    func validate() throws {
        try BatchSize.check(batchSize)
        try FilmRun.check(
            resume: resume, results: results, output: output, presence: presence,
            isTiled: tiles.options() != nil)
        if let lost, !(lost >= 0 && lost < 1e6) { throw ValidationError("--lost cannot be negative") }
        for (name, value) in [("--high-score", highScore), ("--activation-score", activationScore)]
        where value.map({ !(0...1).contains($0) }) ?? false {
            throw ValidationError("\(name) is from 0 to 1")
        }
    }

    func run() async throws {
        var rules = byteTrack ? Tracker.Options() : .openVocabulary
        if let lost { rules.lostDuration = lost }
        if let scores { rules.scoreScale = scores }
        if let highScore { rules.highScore = highScore }
        if let activationScore { rules.activationScore = activationScore }
        if byteTrack || !looks { rules.minimumSimilarity = nil }
        try await FilmRun(
            film: film, detector: detector, wanted: wanted, reading: reading, tiles: tiles.options(),
            batchSize: batchSize, output: output, results: results, mot: mot, masks: masks,
            presence: presence, calibration: calibration, resume: resume, profile: profile, rules: rules
        ).run()
    }
}
