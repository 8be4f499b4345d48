import ArgumentParser
import COCO

/// `fvlm split merge`
struct SplitMergeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge",
        abstract: "Merges data sets whose pictures are in one folder.",
        discussion: """
            Examples:
              fvlm split merge base.json novel.json -o all.json
              fvlm split merge mine.json yours.json --renumber -o ours.json

            Images with the same file name are one image; duplicate annotations are kept once. An id shared by two \
            different entries is an error; --renumber assigns new ids and matches categories by name.
            """)

    @Argument(help: "The annotation files; - for standard input.", completion: .file())
    var annotations: [String]

    @Flag(help: "Renumber images and annotations from 1, and match categories by name.")
    var renumber = false

    @OptionGroup var output: SplitOutput

    func validate() throws {
        if annotations.count(where: { $0 == "-" }) > 1 {
            throw ValidationError("standard input (-) can be read only once")
        }
    }

    func run() throws {
        try output.check(annotations)
        // A file that is named twice is read and reported once.
        var parts: [String: Dataset] = [:]
        var reports: [ConversionReport] = []
        for path in annotations where parts[path] == nil {
            let loaded = try LoadedDataset(contentsOf: path)
            parts[path] = loaded.dataset
            reports.append(loaded.report)
        }
        let (dataset, report) = try DatasetMerge.merge(
            annotations.map { (name: $0, dataset: parts[$0, default: Dataset()]) }, renumbering: renumber)
        try output.write(dataset, reports: reports + [report])
    }
}
