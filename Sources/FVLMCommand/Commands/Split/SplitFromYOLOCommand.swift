import ArgumentParser
import COCO
import DatasetFormats
import Foundation
import Support

/// `fvlm split from-yolo`
struct SplitFromYOLOCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "from-yolo",
        abstract: "Reads a data set in YOLO format and writes an annotation file.",
        discussion: """
            Examples:
              fvlm split from-yolo yolo/data.yaml --subset val -o val.json
              fvlm split from-yolo yolo/data.yaml --subset val --like instances_val.json -o val.json

            YOLO coordinates are fractions of the picture's size, which is read from the pictures, or from the \
            annotation file given by --like, which then also provides the image ids. If a subset has several folders, \
            file names are relative to their common parent folder.
            """)

    @Argument(help: "The file data.yaml, or the folder that contains it.", completion: .file())
    var description: String

    @Option(help: "The subset: train, val or test.")
    var subset = "train"

    @Option(
        help: ArgumentHelp(
            "An annotation file of the same pictures, for their ids and sizes.", valueName: "file"),
        completion: .file())
    var like: String?

    @OptionGroup var output: SplitOutput

    func run() throws {
        let size = try like == nil ? PictureSizes.reader(for: .split) : nil
        try output.check([description, description + "/data.yaml", like])
        var report = ConversionReport()
        let files = try YOLOFiles(description: description, subset: subset, &report)
        var conversion = try YOLOImport(
            names: files.description.names, categoryIDs: files.description.categoryIDs,
            keyPointNumbers: files.description.keyPointNumbers)
        let images: [(image: ImageRecord, label: String)]
        if let size {
            images = try files.images(&report, size: size)
        } else {
            images = try files.images(like: LoadedDataset(contentsOf: like ?? "").dataset, &report)
        }
        try output.check(
            files.sources + images.flatMap { [Path.join(files.root, $0.image.fileName), $0.label] })
        let progress = ProgressBar("label files")
        for (place, entry) in images.enumerated() {
            try conversion.add(
                entry.image, labels: try YOLOFiles.text(entry.label), source: entry.label)
            progress.update(place + 1, of: images.count)
        }
        progress.finish()
        try output.write(conversion.dataset, reports: [report, conversion.report])
        StandardError.note("fvlm convert-dataset reads this format and others")
    }
}
