import ArgumentParser
import CLIP
import FVLM
import FVLMCommand
import Foundation
import Support
import Torch

/// Which detector a command uses, and how.
struct DetectorOptions: ParsableArguments {
    @Option(
        name: [.short, .long],
        help: ArgumentHelp("The detector's folder, with detector.yaml in it.", valueName: "folder"))
    var model: String

    @Option(
        help: ArgumentHelp(
            "Another place for its CLIP: a folder, a file, or a name in the Hugging Face cache.",
            valueName: "path or name"))
    var clip: String?

    @OptionGroup var precision: PrecisionArguments

    @Option(help: "Detections that score at or below this are dropped.")
    var scoreThreshold: Double?

    @OptionGroup var settings: SettingArguments

    @OptionGroup var threads: ThreadArguments

    mutating func validate() throws {
        // NaN is in no range.
        if let scoreThreshold, !(0...1).contains(scoreThreshold) {
            throw ValidationError("--score-threshold is from 0 to 1")
        }
    }

    /// Loads the detector.
    func load() throws -> Detector {
        try threads.apply()
        var options = Detector.LoadingOptions()
        options.clip = clip
        options.dtype = precision.dtype
        options.settings = settings.values
        options.note = { StandardError.note($0) }
        let detector = try Detector.load(model, options: options)
        for note in detector.clip.notes { StandardError.note(note) }
        return detector
    }

    /// What is chosen at run time.
    func options(_ detector: Detector) -> ScoringOptions {
        var options = detector.configuration.scoring
        if let scoreThreshold { options.scoreThreshold = scoreThreshold }
        return options
    }
}

/// What a detector looks for.
struct VocabularyOptions: ParsableArguments {
    @OptionGroup var names: ClassOptions

    @Option(help: ArgumentHelp("Classes from a file of fvlm vocabulary.", valueName: "file"))
    var vocabulary: String?

    mutating func validate() throws {
        try names.check(vocabulary: vocabulary)
    }

    /// The vocabulary; the one in the model's folder when nothing was said.
    func load(_ detector: Detector, folder: String) async throws -> Vocabulary {
        if let vocabulary { return try Vocabulary(contentsOf: vocabulary) }
        if let classes = try names.given() {
            return try Vocabulary(
                encoding: classes,
                templates: PromptTemplates(named: names.templates ?? PromptTemplates.imageNet.name),
                article: names.article ?? .asWritten, with: detector.clip,
                tokenizer: detector.clip.tokenizer(),
                note: StandardError.note)
        }
        let own = ModelFolder(folder).vocabulary
        guard FileManager.default.fileExists(atPath: own) else {
            throw ValidationError("say what to look for: --classes \"dog, traffic light\"")
        }
        return try Vocabulary(contentsOf: own)
    }
}
