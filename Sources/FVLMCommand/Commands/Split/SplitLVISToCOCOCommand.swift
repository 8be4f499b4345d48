import ArgumentParser
import COCO
import Support

extension Dataset.LVISClasses: ExpressibleByArgument {}

/// `fvlm split lvis-to-coco`
struct SplitLVISToCOCOCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lvis-to-coco",
        abstract: "Converts an LVIS file to COCO format, with LVIS's or COCO's classes.",
        discussion: """
            Example:
              fvlm split lvis-to-coco lvis_v1_val.json --categories coco -o lvis_as_coco.json

            File names become COCO's, relative to one folder (val2017/000000397133.jpg). COCO format has no \
            equivalent of LVIS's lists of absent and not exhaustively annotated classes.
            """)

    @Argument(help: "The LVIS file; - for standard input.", completion: .file())
    var annotations: String

    @Option(
        name: .customLong("categories"),
        help: "The classes: lvis (all of them) or coco (those of COCO, with its ids and names).")
    var classes: Dataset.LVISClasses = .lvis

    @OptionGroup var output: SplitOutput

    func run() throws {
        try output.check([annotations])
        let loaded = try LoadedDataset(contentsOf: annotations)
        if !loaded.dataset.isFederated {
            StandardError.note("\(annotations) does not list absent classes as LVIS's files do")
        }
        let (dataset, report) = try loaded.dataset.cocoFromLVIS(classes: classes)
        try output.write(dataset, reports: [loaded.report, report])
        StandardError.note("fvlm convert-dataset --to coco also does this")
    }
}
