import ArgumentParser
import FVLM
import FVLMCommand
import Foundation
import Hub
import Imaging
import Support
import Torch

/// `fvlm quantize`
struct QuantizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        .quantize,
        discussion: """
            Looks at some pictures, the kind that the detector will see, and writes into its folder within which range the \
            inputs of each layer lie (quantization.json). With --precision int8 the commands that detect then compute the \
            products of these layers in bytes. Layers of which bytes lose much stay in bfloat16; first and last \
            layers, normalization, scores and boxes stay in float32. The weights are not changed.

            Example:
              fvlm quantize detector --images photos/ --pictures 32
              fvlm detect street.jpg --model detector --classes "dog,traffic light" --precision int8
            """)

    @Argument(
        help: ArgumentHelp("The detector's folder, which contains detector.yaml.", valueName: "folder"),
        completion: .directory)
    var model: String

    @Option(
        name: [.short, .long],
        help: ArgumentHelp("The folder of the pictures to look at; subfolders too.", valueName: "folder"),
        completion: .directory)
    var images: String

    @Option(help: "The number of pictures to look at, spread evenly over the folder.")
    var pictures = 32

    @Option(help: "The share of a layer's results that bytes may lose; other layers stay in bfloat16.")
    var errorLimit = Quantization.Choice().errorLimit

    @Option(help: "The share of all products that stays in bfloat16, of the layers of which bytes lose most.")
    var bfloat16Share = Quantization.Choice().bfloat16Share

    @Option(
        help: ArgumentHelp(
            "A location of its CLIP that overrides the configuration's: a folder, a file, or a name in the Hugging Face cache.",
            valueName: "path or name"), completion: .file())
    var clip: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    @OptionGroup var settings: SettingArguments

    @OptionGroup var threads: ThreadArguments

    @OptionGroup var messages: MessageArguments

    func validate() throws {
        if pictures < 1 { throw ValidationError("--pictures must be at least 1") }
        if !(errorLimit >= 0 && errorLimit < 1) {
            throw ValidationError("--error-limit must be from 0 to below 1")
        }
        if !(0...1).contains(bfloat16Share) {
            throw ValidationError("--bfloat16-share must be from 0 to 1")
        }
    }

    func run() throws {
        if let refusal = Quantization.refusal {
            throw ConfigurationError(key: "precision", reason: "int8: \(refusal)", exitStatus: .failure)
        }
        let found = try PictureFiles([images], isRecursive: true, opensArchives: true) { [] }
        if let note = found.passedOver.note { StandardError.note(note) }
        let count = min(pictures, found.paths.count)
        let paths = (0..<count).map { found.paths[$0 * found.paths.count / count] }
        try threads.apply()
        var options = Detector.LoadingOptions()
        options.clip = clip
        options.settings = settings.values
        options.note = { StandardError.note($0) }
        let detector = try Detector.load(model, options: options)
        var prepared: [PixelValues] = []
        for path in paths {
            do { prepared.append(try detector.prepare(Image(contentsOf: path))) } catch {
                StandardError.note("skipped: \(error)")
            }
        }
        guard !prepared.isEmpty else {
            throw ConfigurationError(
                origin: images, reason: "contains no picture that can be read", exitStatus: .failure)
        }
        let bar = ProgressBar("passes")
        var choice = Quantization.Choice()
        choice.errorLimit = errorLimit
        choice.bfloat16Share = bfloat16Share
        let quantization = try detector.quantization(ofPrepared: prepared, choice: choice) {
            bar.update($0, of: $1)
        }
        bar.finish()
        let target = ModelFolder(model).quantization
        try quantization.write(to: target)
        let layers = quantization.layers.sorted { $0.error > $1.error }
        let summary = Summary(
            file: target, pictures: quantization.pictures,
            int8: layers.filter { $0.precision == .int8 }.count,
            bfloat16: layers.filter { $0.precision == .bfloat16 }.map(\.name), worst: layers.first?.name,
            error: layers.first?.error)
        if json { return try StandardOutput.print(JSONText.line(summary)) }
        var rows = [["layer", "in", "lost of its results"]]
        for layer in layers.prefix(Self.shownLayers) {
            rows.append([
                "\(layer.part.rawValue) \(layer.name)", layer.precision.rawValue,
                String(format: "%.2f %%", 100 * layer.error),
            ])
        }
        try StandardOutput.print(TextTable(rows, leftAligned: 2).text, terminator: "")
        if layers.count > Self.shownLayers {
            try StandardOutput.print("and \(layers.count - Self.shownLayers) layers that lose less")
        }
        try StandardOutput.print(
            "\(target): \(summary.int8) layers in int8, \(summary.bfloat16.count) in bfloat16, by "
                + "\(summary.pictures) pictures")
    }

    private static let shownLayers = 12

    private struct Summary: Encodable {
        let file: String
        let pictures: Int
        let int8: Int
        let bfloat16: [String]
        let worst: String?
        let error: Double?
    }
}
