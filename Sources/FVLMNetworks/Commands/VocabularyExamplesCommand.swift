import ArgumentParser
import CLIP
import FVLM
import FVLMCommand
import Foundation
import Imaging
import Support

/// `fvlm vocabulary examples`
struct VocabularyExamplesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "examples",
        abstract: "Makes classes of boxes in pictures, with or without words.",
        discussion: """
            A class is what tells its boxes from ordinary regions, for each tower of the detector. \
            --negative shows what is not the class. --ordinary names pictures of the kind that will be searched, without boxes: \
            what is ordinary there is learned from them too; thirty are a good start. --mix 0.5 gives the class's words half of the \
            weight. The result is \
            an ordinary vocabulary for this detector's CLIP; fvlm vocabulary show says how its classes were made.

            --vocabulary is the one whose words, background and templates are used: by default \
            the one in the detector's folder. With --keep, its other classes are written too.

            Examples:
              fvlm vocabulary examples --image a.jpg --box 10,20,80,60 --name mug --model detector --output mug.safetensors
              fvlm vocabulary examples --image a.jpg --image b.jpg --box 10,20,80,60 --box 5,5,40,50@2 --negative \
            a.jpg:90,90,30,40 --name "my mug" --mix 0.5 --model detector --output mug.safetensors
              fvlm vocabulary examples --annotations few.json --images few --contrast "mug=cup" --model detector \
            --ordinary photos --output things.safetensors
            """)

    @OptionGroup var examples: ExampleArguments

    @OptionGroup var detector: DetectorOptions

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "Pictures, and folders of pictures, that show what is ordinary.", valueName: "pictures"),
        completion: .file())
    var ordinary: [String] = []

    @Option(help: "The share of the words' embedding in a class, from 0 to 1.")
    var mix = ExampleOptions().mix

    @Option(help: "The share of the negatives' mean that is taken away, from 0 to 1.")
    var negativeWeight = ExampleOptions().negativeWeight

    @Option(
        help:
            "What is added to the variances of ordinary regions, relative to their mean: more for very few pictures."
    )
    var shrinkage = ExampleOptions().shrinkage

    @Option(
        name: .customLong("vocabulary"),
        help: ArgumentHelp(
            "The vocabulary of words; by default the one in the detector's folder.", valueName: "file"),
        completion: .file())
    var words: String?

    @Flag(help: "Write the other classes of --vocabulary too; classes of the same names are replaced.")
    var keep = false

    @Option(
        help: ArgumentHelp(
            "single, imagenet-80, or a file with one template per line, where there is no vocabulary of words.",
            valueName: "templates"), completion: .file())
    var templates: String?

    @Option(
        name: [.short, .long], help: ArgumentHelp("The file to write.", valueName: "file"),
        completion: .file())
    var output: String

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        try checked { try options.validate() }
        if keep, words == nil, FileStatus(ModelFolder(detector.model).vocabulary) == nil {
            throw ValidationError("--keep needs --vocabulary, the vocabulary whose classes are kept")
        }
    }

    private var options: ExampleOptions {
        var options = ExampleOptions()
        (options.mix, options.negativeWeight, options.shrinkage) = (mix, negativeWeight, shrinkage)
        return options
    }

    private func checked(_ body: () throws -> Void) throws {
        do { try body() } catch let error as ConfigurationError { throw ValidationError("\(error)") }
    }

    func run() throws {
        try OutputGuard(examples.inputs + ordinary + [words, templates], models: detector.models)
            .check(file: output)
        let shown = try examples.boxes()
        let others = try ordinaryPictures()
        let loaded = try detector.load()
        var collector = ExampleCollector(loaded)
        let bar = ProgressBar("pictures")
        for (place, picture) in shown.enumerated() {
            let image = try Image(contentsOf: picture.picture)
            do {
                try collector.add(image, named: picture.picture.displayedPath, picture.boxes)
            } catch let error as DetectionError {
                throw CLIPError(picture.picture, reason: error.reason)
            }
            bar.update(place + 1, of: shown.count + others.count)
        }
        for (place, picture) in others.enumerated() {
            try collector.add(ordinary: Image(contentsOf: picture))
            bar.update(shown.count + place + 1, of: shown.count + others.count)
        }
        bar.finish()
        let base = try self.base()
        let texts = try complete(base, with: collector.classNames, loaded)
        let made = try collector.vocabulary(beside: texts, options: options)
        let result = keep ? try (base ?? texts).replacing(with: made) : made
        try result.write(to: output)
        if json { try StandardOutput.print(JSONText.line(Output(file: output, classes: result.classes))) }
        let boxes = shown.reduce(0) { $0 + $1.boxes.count }
        StandardError.report(
            "\(output): \(made.classes.count) \(made.classes.count == 1 ? "class" : "classes") of \(boxes) boxes in "
                + "\(shown.count) pictures"
                + (others.isEmpty ? "" : " beside \(others.count) ordinary ones")
                + (keep ? ", \(result.classes.count - made.classes.count) of words" : "")
                + ", CLIP \(result.clip)")
    }

    private func ordinaryPictures() throws -> [String] {
        guard !ordinary.isEmpty else { return [] }
        let pictures = try PictureFiles(ordinary, isRecursive: false, opensArchives: false)
        if let note = pictures.passedOver.note { StandardError.note(note) }
        return pictures.paths
    }

    private struct Output: Encodable {
        let file: String
        let classes: [Vocabulary.Class]
    }

    private func base() throws -> Vocabulary? {
        if let words { return try Vocabulary(contentsOf: words) }
        let own = ModelFolder(detector.model).vocabulary
        return FileStatus(own) == nil ? nil : try Vocabulary(contentsOf: own)
    }

    /// The words of a mix that the vocabulary lacks are encoded with its templates; without a vocabulary, all are.
    private func complete(_ base: Vocabulary?, with names: [String], _ detector: Detector) throws
        -> Vocabulary
    {
        let known = Set(base?.names.map(ClassNames.form) ?? [])
        let missing = names.filter { !known.contains(ClassNames.form($0)) }
        guard let base else { return try encoded(missing, nil, detector) }
        guard mix > 0, !missing.isEmpty else { return base }
        return try Vocabulary.merging([base, encoded(missing, base, detector)])
    }

    private func encoded(_ names: [String], _ base: Vocabulary?, _ detector: Detector) throws -> Vocabulary {
        let templates =
            try base.map { try PromptTemplates(name: "vocabulary", $0.templates) }
            ?? PromptTemplates(named: templates ?? PromptTemplates.imageNet.name)
        return try Vocabulary(
            encoding: names.map { Vocabulary.Class($0) }, templates: templates,
            article: base?.article ?? .asWritten, background: base?.background?.phrase ?? "background",
            with: detector.clip, tokenizer: detector.clip.tokenizer(), note: StandardError.note)
    }
}
