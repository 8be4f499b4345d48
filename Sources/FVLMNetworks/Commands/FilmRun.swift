import ArgumentParser
import CLIP
import FVLM
import FVLMCommand
import Foundation
import Imaging
import Support
import Tiling
import Tracking
import Video
import VideoDetection

/// A film through a detector into files, as `fvlm detect` and `fvlm track` do it.
struct FilmRun {
    let film: String
    let detector: DetectorOptions
    let wanted: VocabularyOptions
    let reading: FilmArguments
    let tiles: TilingOptions?
    var batchSize: Int
    /// The drawn film.
    var output: String?
    /// The lines of JSON; nil without other files: standard output.
    var results: String?
    /// The tracks in the form of the MOT challenge.
    var mot: String?
    var masks: Bool
    /// Whether lines tell how likely the frame has each class.
    var presence = false
    var calibration: CalibrationOptions
    var resume: Bool
    var profile = false
    /// How objects are followed; nil: each frame is looked at alone.
    var rules: Tracker.Options?

    /// Refuses choices that exclude each other.
    static func check(
        resume: Bool, results: String?, output: String?, presence: Bool, isTiled: Bool
    ) throws {
        if presence, isTiled {
            throw ValidationError(
                "--presence is about frames that are looked at as a whole: leave out --tile")
        }
        if presence, results == nil, output != nil {
            throw ValidationError("--presence is part of the JSON of frames: --results names its file")
        }
        guard resume else { return }
        if results == nil { throw ValidationError("--resume requires --results, the file to resume") }
        if output != nil {
            throw ValidationError("--resume cannot go on with a drawn film: leave out --output")
        }
    }

    func run() async throws {
        let source = PictureSequence.isSequence(film) ? nil : try VideoSource(film)
        if resume, source?.isLive == true {
            throw ValidationError("a stream that is live cannot be resumed: its frames are gone")
        }
        let inputs = OutputGuard(
            [film, wanted.vocabulary, wanted.names.classesFile, wanted.names.templates],
            models: detector.models)
        for path in [output, results, mot] { try inputs.check(file: path) }
        try OutputGuard.checkDistinct([output, results, mot])
        if resume, let results, FileStatus(results) != nil, FileStatus(ResultsFile.partial(results)) == nil {
            StandardError.note("\(results) is complete")
            return
        }
        let loaded = try detector.load()
        let vocabulary = try await wanted.load(loaded, folder: detector.model)
        var options = detector.options(loaded)
        options.includesMasks = options.includesMasks && (masks || output != nil)
        options.includesPresence = presence
        let calibration = try calibration.load(loaded, folder: detector.model)
        if let calibration { options = calibration.options(options) }
        var origin = try origin(loaded, vocabulary, options)
        if let calibration { origin["calibration"] = try calibration.identity }
        let resumed = try resume ? results.flatMap { try FilmProgress.load(for: $0, origin) } : nil
        var frameOptions = reading.reading
        frameOptions.position = resumed?.position
        let frames: any FrameSource =
            if let source { try VideoReader(source, options: frameOptions) } else {
                try PictureSequence(film, options: frameOptions)
            }
        let signals = StopSignals { frames.stop() }
        defer { withExtendedLifetime(signals) {} }
        let sinks = try VideoResults(
            film: output, results: results, mot: mot,
            printsLines: output == nil && results == nil && mot == nil, includesMasks: masks,
            names: vocabulary.names, audio: source, resumed: resumed)
        if resume, let results {
            StandardError.note(
                resumed.map { "\(results) already contains \($0.position.frames) frames; continuing" }
                    ?? "\(results) contains no frames yet")
        }
        var sequence = frames.found(
            by: loaded, vocabulary, options, rules, resumed?.tracker, batchSize: batchSize, tiles: tiles)
        if let calibration {
            sequence = sequence.adjusting(calibration.adjustment(of: loaded, vocabulary))
        }
        var progress =
            resumed ?? FilmProgress(origin: origin, position: FramePosition(frames: 0, time: 0))
        let times = profile ? StageProfile(on: loaded.device) : nil
        let first = progress.position.frames
        try await StageProfile.$current.withValue(times) {
            try await work(sequence, frames, sinks, &progress)
        }
        try sinks.finish()
        if let results { try FilmProgress.remove(for: results) }
        if let times {
            ProfileTable.print(times, pictures: max(progress.position.frames - first, 1), unit: "frame")
        }
        let tracks = rules == nil ? "" : " \(progress.tracks) tracks,"
        StandardError.note("\(progress.position.frames) frames,\(tracks) \(progress.objects) boxes")
        if frames.fault == nil, let damage = frames.damage {
            StandardError.note("\(film): is damaged: \(damage)")
        }
        if let fault = frames.fault {
            StandardError.note("\(film): ended early: \(fault)")
            throw ExitCode.failure
        }
    }

    /// Goes through the frames; what is needed to go on is on the disk after the first batch, and then each second.
    private func work(
        _ sequence: DetectedFrames, _ frames: any FrameSource, _ sinks: VideoResults,
        _ progress: inout FilmProgress
    ) async throws {
        let bar = ProgressBar("frames")
        let (clock, start) = (ContinuousClock(), ContinuousClock.now)
        let (first, firstTime) = (progress.position.frames, progress.position.time)
        var saved: ContinuousClock.Instant?
        for try await frame in sequence {
            try sinks.append(frame, frameRate: frames.frameRate)
            progress.position = FramePosition(frames: frame.frame.index + 1, time: frame.frame.time)
            progress.objects += frame.detections.count
            for case .confirmed(let id) in frame.tracked?.events ?? [] {
                progress.tracks = max(progress.tracks, id)
            }
            if frame.endsBatch, let results, saved.map({ clock.now - $0 > .seconds(1) }) ?? true {
                progress.tracker = frame.tracker
                try progress.save(for: results, sinks)
                saved = clock.now
            }
            let seconds = (clock.now - start) / .seconds(1)
            let done = progress.position.frames - first
            var unit = ", \(NumberText.decimals(Double(done) / max(seconds, 1e-3), 1)) frames/s"
            let covered = progress.position.time - max(firstTime, reading.start ?? 0)
            if let duration = frames.duration, covered > 0 {
                let rest = (duration - progress.position.time) / covered * seconds
                unit += ", \(NumberText.duration(seconds: rest)) left"
            }
            bar.update(progress.position.frames, of: nil, unit: unit)
        }
        bar.finish()
    }

    /// Everything that the results depend on, by names for messages.
    private func origin(_ loaded: Detector, _ vocabulary: Vocabulary, _ options: ScoringOptions) throws
        -> ResultsFile.Origin
    {
        var origin = try ResultsFile.origin(
            loaded, vocabulary, options, precision: detector.precision.value.rawValue, masks: masks,
            tiles: tiles)
        let frames = reading.reading
        origin["film"] = "\(Path.absolute(film)) \(FileStatus(film)?.byteCount ?? 0)"
        origin["choice of frames"] =
            "\(frames.stride) \(frames.frameRate.map { "\($0)" } ?? "all") \(frames.start)"
        origin["choice of rules"] = try rules.map { try JSONText.line($0) } ?? "none"
        origin["choice of files"] = mot == nil ? "results" : "results and tracks"
        return origin
    }
}

extension FrameSource {
    /// The frames with what is found in them.
    /// - Parameters:
    ///   - rules: How objects are followed; nil: they are not.
    ///   - tracker: The tracker that has seen the frames before.
    fileprivate func found(
        by detector: Detector, _ vocabulary: Vocabulary, _ options: ScoringOptions, _ rules: Tracker.Options?,
        _ tracker: Tracker?, batchSize: Int, tiles: TilingOptions?
    ) -> DetectedFrames {
        if let tracker {
            return detector.track(
                self, from: tracker, vocabulary: vocabulary, options: options, batchSize: batchSize,
                tiles: tiles)
        }
        if let rules {
            return detector.track(
                self, vocabulary: vocabulary, options: options, rules: rules, batchSize: batchSize,
                tiles: tiles)
        }
        return detector.detect(
            self, vocabulary: vocabulary, options: options, batchSize: batchSize, tiles: tiles)
    }
}
