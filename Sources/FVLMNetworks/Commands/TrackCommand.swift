import ArgumentParser
import CLIP
import FVLM
import FVLMCommand
import Foundation
import Imaging
import Support
import Tracking
import Video

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

            Films, streams and cameras (camera, camera:1) are read by ffmpeg. An object keeps its id while it is seen, and \
            for --lost seconds while it is not. Results have a line for each frame, with its time in seconds; --mot \
            writes the boxes of confirmed tracks as the MOT challenge does. A film that is cut, and a stream that is \
            stopped by Ctrl-C, end with what was done.
            """)

    @Argument(help: "The film, an address such as rtsp://..., or camera.")
    var film: String

    @OptionGroup var detector: DetectorOptions
    @OptionGroup var wanted: VocabularyOptions

    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "A film with boxes, masks and ids drawn on it; its suffix says what kind. The sound is kept.",
            valueName: "file"))
    var output: String?

    @Option(
        help: ArgumentHelp("Write the results, a JSON object a frame, into this file.", valueName: "file"))
    var results: String?

    @Option(help: ArgumentHelp("Write the tracks in the form of the MOT challenge.", valueName: "file"))
    var mot: String?

    @Flag(help: "Put masks into the results, as compressed run lengths.")
    var masks = false

    @Option(help: ArgumentHelp("Look at every n-th frame.", valueName: "n"))
    var every = 1

    @Option(help: ArgumentHelp("Look at this many frames a second.", valueName: "frames"))
    var rate: Double?

    @Option(help: ArgumentHelp("Begin at this time of the film.", valueName: "seconds"))
    var start = 0.0

    @Option(help: "How many frames go through the network together.")
    var batchSize = 4

    @Option(help: ArgumentHelp("How long an object that is not seen keeps its id.", valueName: "seconds"))
    var lost = 1.0

    @Option(
        help:
            "What the thresholds of scores compare: relative to the best recent score of a class, or absolute."
    )
    var scores = Tracker.ScoreScale.relativeToClass

    @Option(help: "The score from which a detection is associated first.")
    var highScore = 0.6

    @Option(help: "The score from which a detection begins a track.")
    var activationScore = 0.7

    @Flag(inversion: .prefixedNo, help: "Bring objects back by what they look like, too.")
    var looks = true

    func validate() throws {
        try BatchSize.check(batchSize)
        if every < 1 { throw ValidationError("--every must be at least 1") }
        if let rate, !(rate > 0 && rate <= 1000) {
            throw ValidationError("--rate is above 0 and at most 1000")
        }
        if every > 1, rate != nil { throw ValidationError("--every and --rate exclude each other") }
        if !(start >= 0 && start < 1e7) { throw ValidationError("--start cannot be negative") }
        if !(lost >= 0 && lost < 1e6) { throw ValidationError("--lost cannot be negative") }
        for (name, value) in [("--high-score", highScore), ("--activation-score", activationScore)]
        where !(0...1).contains(value) { throw ValidationError("\(name) is from 0 to 1") }
    }

    func run() async throws {
        let source = try VideoSource(film)
        let inputs = OutputGuard(
            [film, wanted.vocabulary, wanted.names.classesFile, wanted.names.templates],
            models: detector.models)
        for path in [output, results, mot] { try inputs.check(file: path) }
        try OutputGuard.checkDistinct([output, results, mot])
        let loaded = try detector.load()
        let vocabulary = try await wanted.load(loaded, folder: detector.model)
        var options = detector.options(loaded)
        options.includesMasks = options.includesMasks && (masks || output != nil)
        var reading = VideoReader.Options()
        reading.stride = every
        reading.frameRate = rate
        reading.start = start
        let reader = try VideoReader(source, options: reading)
        let signals = StopSignals { reader.stop() }
        defer { withExtendedLifetime(signals) {} }
        var rules = Tracker.Options()
        rules.lostDuration = lost
        rules.scoreScale = scores
        rules.highScore = highScore
        rules.activationScore = activationScore
        if !looks { rules.minimumSimilarity = nil }
        let work = VideoWork(
            detector: loaded, vocabulary: vocabulary, options: options, reader: reader, rules: rules)
        let sinks = try VideoResults(
            film: output, results: results, mot: mot,
            printsLines: output == nil && results == nil && mot == nil,
            includesMasks: masks, source: source)
        let bar = ProgressBar("frames")
        let clock = ContinuousClock.now
        let summary = try await work.run(batchSize: batchSize, into: sinks) { frames, time in
            let rate = Double(frames) / max(clock.duration(to: .now) / .seconds(1), 1e-3)
            var unit = ", \(NumberText.decimals(rate, 1)) frames/s"
            if let duration = reader.info.duration, time > start {
                let rest = (duration - time) / (time - start) * (clock.duration(to: .now) / .seconds(1))
                unit += ", \(NumberText.duration(seconds: rest)) left"
            }
            bar.update(frames, of: nil, unit: unit)
        }
        bar.finish()
        try sinks.finish()
        StandardError.note("\(summary.frames) frames, \(summary.tracks) tracks, \(summary.objects) boxes")
        if let fault = reader.fault {
            StandardError.note("\(film): ended early: \(fault)")
            throw ExitCode.failure
        }
    }
}
