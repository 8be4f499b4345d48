import ArgumentParser
import CLIP
import FVLM
import FVLMCommand
import Foundation
import Hub
import Support
import Torch

/// The detector used by a command.
struct DetectorOptions: ParsableArguments {
    @Option(
        name: [.short, .long],
        help: ArgumentHelp("The detector's folder, which contains detector.yaml.", valueName: "folder"),
        completion: .directory)
    var model: String

    @Option(
        help: ArgumentHelp(
            "A location of its CLIP that overrides the configuration's: a folder, a file, or a name in the Hugging Face cache.",
            valueName: "path or name"), completion: .file())
    var clip: String?

    @OptionGroup var precision: DetectorPrecisionArguments

    @Option(help: "Detections scoring at or below this are dropped.")
    var scoreThreshold: Double?

    @OptionGroup var settings: SettingArguments

    @OptionGroup var device: DeviceArguments

    @OptionGroup var threads: ThreadArguments

    @OptionGroup var messages: MessageArguments

    mutating func validate() throws {
        // NaN is not in any range.
        if let scoreThreshold, !(0...1).contains(scoreThreshold) {
            throw ValidationError("--score-threshold must be from 0 to 1")
        }
    }

    /// The folders and files of the detector and its CLIP, into which nothing may be written.
    var models: [String] {
        let files = ModelFolder(model)
        let own = try? DetectorConfiguration(contentsOf: files.configuration).clip
        return [model] + [clip ?? own].compactMap(\.self).compactMap { try? ModelCache().path(of: $0) }
    }

    /// Loads the detector.
    func load() throws -> Detector {
        try threads.apply()
        var options = Detector.LoadingOptions()
        options.clip = clip
        options.precision = precision.value
        options.device = try device.resolved()
        options.settings = settings.values
        options.note = { StandardError.note($0) }
        let detector = try Detector.load(model, options: options)
        // Pictures of one size: the fastest algorithm is looked for once.
        Runtime.setConvolutionTuning(detector.configuration.input.fitting == .square)
        for note in detector.clip.notes { StandardError.note(note) }
        if messages.verbose { try describe(detector) }
        return detector
    }

    private func describe(_ detector: Detector) throws {
        let configuration = detector.configuration
        StandardError.note(
            "family \(configuration.family.rawValue), trunk maps \(detector.trunk.levelNames.joined(separator: ", ")), "
                + "pictures of \(configuration.input.size) pixels")
        StandardError.note(
            "CLIP \(clip ?? configuration.clip), identity \(detector.identity); trained parameters: "
                + "\(detector.network.store.parameters.reduce(0) { $0 + $1.shape.reduce(1, *) })")
        let license = try ModelFolder(model).license ?? "not said in the folder"
        StandardError.note("license of the detector's weights: \(license)")
    }

    /// The scoring options with overrides from the command line.
    func options(_ detector: Detector) -> ScoringOptions {
        var options = detector.configuration.scoring
        if let scoreThreshold { options.scoreThreshold = scoreThreshold }
        return options
    }
}
