import ArgumentParser
import COCO
import Support

extension Dataset.LVISClasses: ExpressibleByArgument {}

/// `fvlm split lvis-to-coco`
struct SplitLVISToCOCOCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lvis-to-coco",
        abstract: "Turns an LVIS file into COCO's form, with LVIS's classes or with COCO's.",
        discussion: """
            Example:
              fvlm split lvis-to-coco lvis_v1_val.json --classes coco -o lvis_as_coco.json

            File names become those of COCO below one folder (val2017/000000397133.jpg). The lists of classes \
            that are absent or not annotated in full have no place in COCO's form.
            """)

    @Argument(help: "The LVIS file; - for standard input.")
    var annotations: String

    @Option(help: "The classes: lvis (all of them) or coco (those that COCO has, with its ids and names).")
    var classes: Dataset.LVISClasses = .lvis

    @OptionGroup var output: SplitOutput

    func run() throws {
        try output.check([annotations])
        let loaded = try LoadedDataset(path: annotations)
        if !loaded.dataset.isFederated {
            StandardError.note("\(annotations) does not list absent classes as LVIS's files do")
        }
        let (dataset, report) = try loaded.dataset.cocoFromLVIS(classes: classes)
        try output.write(dataset, reports: [loaded.report, report])
    }
}
