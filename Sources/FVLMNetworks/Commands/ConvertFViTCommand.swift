import ArgumentParser
import CLIP
import COCO
import FVLM
import FVLMCommand
import Foundation
import RegionDetection
import Support
import Torch

/// `fvlm convert fvit`
struct ConvertFViTCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fvit",
        abstract: "Makes a detector's folder of a checkpoint of F-ViT (CLIPSelf).",
        discussion: """
            The checkpoint is mmdet's .pth file, the trunk the EVA-02 CLIP that it was trained on: its text tower is not in \
            the checkpoint. Put CLIP's tokenizer (bpe_simple_vocab_16e6.txt.gz) beside the trunk, to detect classes by name. \
            The published files are for non-commercial use only; their license is kept in the folder.

            The classes in the checkpoint become the folder's vocabulary. Which of them were seen in training is known for \
            COCO's 65 classes; of others say it with --base-classes, or with --annotations for LVIS's. --transfer sets the \
            scores as published for other classes than those that were trained on.

            Examples:
              fvlm convert fvit fvit_eva_vitb16_ovcoco.pth --trunk eva_vitb16_coco.pt --output fvit-b16
              fvlm convert fvit fvit_eva_vitl14_ovlvis.pth --trunk eva_vitl14_lvis.pt --transfer --output fvit-l14
            """)

    @Argument(help: "The checkpoint of the detector.", completion: .file())
    var checkpoint: String

    @Option(
        help: ArgumentHelp("The EVA-02 CLIP that it was trained on.", valueName: "file"), completion: .file())
    var trunk: String

    @Option(
        name: [.short, .long], help: ArgumentHelp("The detector's folder.", valueName: "folder"),
        completion: .directory)
    var output: String

    @Option(
        help: ArgumentHelp(
            "Names of all classes in the checkpoint's order, where it does not have them: a list, one a line, or JSON.",
            valueName: "file"), completion: .file())
    var classesFile: String?

    @Option(
        help: ArgumentHelp(
            "Names of the classes that were seen in training: a list, one a line, or JSON.", valueName: "file"
        ), completion: .file())
    var baseClasses: String?

    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "LVIS's annotations: all but the rare classes were seen in training.", valueName: "file"),
        completion: .file())
    var annotations: String?

    @Flag(help: "Set the scores for other classes than those that were trained on.")
    var transfer = false

    @OptionGroup var settings: SettingArguments

    @OptionGroup var messages: MessageArguments

    func validate() throws {
        if baseClasses != nil, annotations != nil {
            throw ValidationError("give one of --base-classes and --annotations")
        }
    }

    func run() async throws {
        let lock = try ModelFolder(output).begin(
            notOver: OutputGuard([checkpoint, classesFile, baseClasses, annotations], models: [trunk]))
        defer { withExtendedLifetime(lock) {} }
        let published = try FViTCheckpoint(contentsOf: checkpoint)
        for note in published.notes { StandardError.note("\(checkpoint): \(note)") }
        let names = try classesFile.map(Self.names) ?? published.classNames
        guard let names else {
            throw ValidationError(
                "the checkpoint does not name its \(try published.classCount) classes: give --classes-file")
        }
        let model = try CLIPModel.load(trunk)
        for note in model.notes { StandardError.note(note) }
        var configuration = try published.configuration(for: model.configuration)
        if transfer { configuration.scoring = ScoringOptions.fvit(.transfer) }
        configuration = try configuration.with(settings: settings.values)
        configuration.clip = Path.standardized(trunk)
        let network = try DetectorNetwork(configuration, for: model.configuration)
        try published.check(model)
        try published.load(into: network)
        if try network.looksUntrained {
            StandardError.note("\(checkpoint): \(DetectorNetwork.untrainedNote)")
        }
        let isBase = try isBase(names)
        if isBase == nil {
            StandardError.note(
                "which classes were seen in training is not known, all count as new: name them with --base-classes"
            )
        }
        let vocabulary = try published.vocabulary(names: names, isBase: isBase, clip: model.identity())
        if let note = vocabulary.mismatch(with: model) { StandardError.note("\(checkpoint): \(note)") }
        if let note = try network.chanceNote(texts: vocabulary.embeddings) {
            StandardError.note("\(checkpoint): \(note)")
        }
        try ModelFolder(output).write(
            configuration, network: network, vocabulary: vocabulary, license: FViTCheckpoint.license)
        try StandardOutput.print(
            "\(output): \(network.store.trainableWeightCount) trained parameters, \(names.count) classes, for "
                + configuration.clip)
        StandardError.note("license of the weights: \(FViTCheckpoint.license)")
    }

    // MARK: Classes

    private func isBase(_ names: [String]) throws -> [Bool]? {
        if let baseClasses {
            let seen = try Self.names(baseClasses)
            let (known, given) = (Set(names.map(ClassNames.form)), Set(seen.map(ClassNames.form)))
            if let stranger = seen.first(where: { !known.contains(ClassNames.form($0)) }) {
                throw ValidationError("--base-classes: \"\(stranger)\" is no class of the checkpoint")
            }
            return names.map { given.contains(ClassNames.form($0)) }
        }
        if let annotations {
            let dataset = try Dataset(contentsOf: annotations)
            let parts = try OpenVocabularySplit.lvisBaseRare.parts(of: dataset)
            let base = Set(parts.first { $0.name == "base" }?.categoryIDs ?? [])
            let byName = Dictionary(
                dataset.categories.map { (ClassNames.form($0.name), base.contains($0.id)) },
                uniquingKeysWith: { first, _ in first })
            return try names.map { name in
                guard let isBase = byName[ClassNames.form(name)] else {
                    throw ValidationError("--annotations: \"\(name)\" is no class of \(annotations)")
                }
                return isBase
            }
        }
        // COCO's names, by which the published detectors' classes are known.
        let split = OpenVocabularySplit.coco48x17Names
        guard names.allSatisfy({ split[ClassNames.form($0)] != nil }) else { return nil }
        return names.map { split[ClassNames.form($0)] == true }
    }

    /// Names of a list, one a line, or of a JSON list.
    private static func names(_ path: String) throws -> [String] {
        let file = try TextFile(contentsOf: path)
        guard file.entries().first?.hasPrefix("[") == true else {
            return try ClassNames.list(contentsOf: path)
        }
        guard let names: [String] = try? JSONText.value(of: Array(file.text.utf8)) else {
            throw CLIPError(path, reason: "is no JSON list of names")
        }
        try ClassNames.check(names)
        return names
    }
}
