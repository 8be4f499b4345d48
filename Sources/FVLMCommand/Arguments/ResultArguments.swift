import ArgumentParser
import COCO

extension EvaluationOptions.Geometry: ExpressibleByArgument {}
extension OpenVocabularySplit: ExpressibleByArgument {}

/// Annotations, the result files that are measured by them, and what every measurement of them can be told.
struct ResultArguments: ParsableArguments {
    @Option(
        name: [.short, .long],
        help: ArgumentHelp("The annotation file (COCO instances or LVIS v1).", valueName: "file"),
        completion: .file())
    var groundTruth: String

    @Option(
        name: [.short, .long], help: ArgumentHelp("The result file.", valueName: "file"), completion: .file())
    var detections: String

    @Option(
        help: ArgumentHelp(
            "A second result file to compare with the first in a paired test.", valueName: "file"),
        completion: .file())
    var compare: String?

    @Option(help: "What to compare: bbox or segm.")
    var type: EvaluationOptions.Geometry = .box

    @Option(help: "Also report base and novel classes separately: ovd48-17 (COCO) or lvis-base-rare.")
    var split: OpenVocabularySplit?

    @Option(
        help: ArgumentHelp(
            "Report confidence intervals from this many bootstrap draws of the images.", valueName: "draws"))
    var bootstrap: Int?

    @Option(help: "The seed of the draws.")
    var seed: UInt64 = 0

    @Option(
        name: .customLong("class-rows"),
        help: ArgumentHelp(
            "The number of classes in tables, those that lose most first.", valueName: "count"))
    var classes = 20

    @OptionGroup var threads: ThreadArguments

    @OptionGroup var messages: MessageArguments

    @Flag(help: "Print one JSON object.")
    var json = false

    /// The result files.
    var tables: [String] { [detections] + [compare].compactMap(\.self) }

    func validate() throws {
        if ([groundTruth] + tables).count(where: { $0 == "-" }) > 1 {
            throw ValidationError("standard input (-) can be read only once")
        }
        if let bootstrap, !(1...1_000_000).contains(bootstrap) {
            throw ValidationError("--bootstrap must be from 1 to 1000000 draws")
        }
        if classes < 0 { throw ValidationError("--class-rows cannot be negative") }
    }
}
