import ArgumentParser
import COCO
import DatasetFormats
import Foundation
import Support

/// `fvlm split to-yolo`
struct SplitToYOLOCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "to-yolo",
        abstract: "Writes a data set in YOLO format: data.yaml and one text file per picture.",
        discussion: """
            Example:
              fvlm split to-yolo --train train.json --train-images train2017 --val val.json \
            --val-images val2017 --type segm -o yolo

            Labels are written to labels/train and labels/val; pictures are linked in images/train and images/val if \
            their folders are given. If a picture's file name itself contains a folder called images, its labels are where \
            YOLO's tools look: in labels, next to that folder.
            """)

    @Option(help: ArgumentHelp("The annotation file for training.", valueName: "file"), completion: .file())
    var train: String?

    @Option(
        help: ArgumentHelp("The folder of its pictures, which are linked.", valueName: "folder"),
        completion: .directory)
    var trainImages: String?

    @Option(help: ArgumentHelp("The annotation file for validation.", valueName: "file"), completion: .file())
    var val: String?

    @Option(
        help: ArgumentHelp("The folder of its pictures, which are linked.", valueName: "folder"),
        completion: .directory)
    var valImages: String?

    @Option(help: "The contents of the labels: bbox (boxes) or segm (outlines).")
    var type: EvaluationOptions.Geometry = .box

    @Option(
        name: [.short, .long], help: ArgumentHelp("The folder to create.", valueName: "folder"),
        completion: .directory)
    var output: String

    @Flag(help: "Print one JSON object that reports what was written and what was lost.")
    var json = false

    @OptionGroup var messages: MessageArguments

    func validate() throws {
        if train == "-", val == "-" { throw ValidationError("standard input (-) can be read only once") }
    }

    private struct Subset {
        let name: String
        let loaded: LoadedDataset
        let pictures: PictureFolder?
    }

    func run() throws {
        guard train != nil || val != nil else { throw ValidationError("--train or --val is needed") }
        if trainImages != nil, train == nil { throw ValidationError("--train-images needs --train") }
        if valImages != nil, val == nil { throw ValidationError("--val-images needs --val") }
        try OutputGuard([train, trainImages, val, valImages]).check(output)
        let subsets = try [("train", train, trainImages), ("val", val, valImages)].compactMap {
            name, file, folder in
            try file.map {
                Subset(
                    name: name, loaded: try LoadedDataset(contentsOf: $0),
                    pictures: folder.map { PictureFolder(path: $0) })
            }
        }
        var report = ConversionReport()
        let categories = try YOLOExport.categories(of: subsets.map(\.loaded.dataset), &report)
        var export = try YOLOExport(type == .box ? .boxes : .polygons, categories: categories)
        let folder = try NewFolder(path: output)
        let counts = try subsets.map { try write($0, &export, folder) }
        try folder.write(
            YOLODescription(
                names: categories.map(\.name), categoryIDs: categories.map(\.id),
                subsets: subsets.map { ($0.name, ["images/\($0.name)"]) }
            ).yaml, to: "data.yaml")
        let path = folder.path
        try folder.finish()
        StandardError.note("fvlm convert-dataset writes this format and others")
        StandardError.note("YOLO format does not store ids of images and annotations, areas and licenses")
        try SplitSummary(
            files: zip(subsets, counts).map {
                SplitSummary.File(
                    path: "\(path)/labels/\($0.name)", images: $0.loaded.dataset.images.count,
                    annotations: $1, categories: categories.count)
            }, reports: subsets.map(\.loaded.report) + [report, export.report]
        ).print(json: json)
    }

    /// - Returns: The number of objects written.
    private func write(
        _ subset: Subset, _ export: inout YOLOExport, _ folder: borrowing NewFolder
    ) throws -> Int {
        let dataset = subset.loaded.dataset
        let progress = ProgressBar("label files")
        var (done, objects) = (0, 0)
        try folder.makeFolder("images/\(subset.name)")
        try folder.makeFolder("labels/\(subset.name)")
        let locations = subset.pictures.map { pictures in
            (0..<dataset.images.count).map { pictures.location(of: dataset.images[$0]) }
        }
        try export.labels(of: dataset, subset: subset.name, pictures: subset.pictures?.path) {
            picture, label, text in
            try folder.write(text, to: label)
            if let location = locations?[done] {
                guard FileStatus(location) != nil else {
                    throw AnnotationFileError(
                        file: location, kind: .inaccessible, reason: "the picture does not exist")
                }
                try folder.link(location, as: picture)
            }
            done += 1
            objects += text.count { $0 == UInt8(ascii: "\n") }
            progress.update(done, of: dataset.images.count)
        }
        progress.finish()
        return objects
    }
}
