import ArgumentParser
import COCO
import DatasetFormats
import Foundation
import Support

extension FormatName: ExpressibleByArgument {}

/// `fvlm convert-dataset`
struct ConvertDatasetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        .convertDataset,
        discussion: """
            Examples:
              fvlm convert-dataset annotations.xml train.json
              fvlm convert-dataset train.json yolo --to yolo --type segm --images train2017
              fvlm convert-dataset export.json voc --to voc --images pictures

            Formats: coco, lvis, yolo (data.yaml and text files), voc (Pascal VOC), labelstudio (JSON), cvat (CVAT for \
            images 1.1), labelme, via (VGG Image Annotator), openimages (CSV), fiftyone (samples.json or labels.json), supervisely. \
            That of the input is found from its contents, that of the output from its name where it ends in .json \
            (coco) or .xml (cvat).

            Sizes of pictures that a format does not state are read from the pictures: in the folder --images, or \
            where the format keeps them. With --images, formats that are folders get links to the pictures. Whatever has \
            no place in COCO format or in that of the output is named and counted on standard error.
            """)

    @Argument(help: "The file or folder to read.", completion: .file())
    var input: String

    @Argument(help: "The file or folder to make.", completion: .file())
    var output: String

    @Option(help: ArgumentHelp("The format of the input, where it is not to be found.", valueName: "format"))
    var from: FormatName?

    @Option(help: ArgumentHelp("The format of the output.", valueName: "format"))
    var to: FormatName?

    @Option(
        name: [.short, .long], help: ArgumentHelp("The folder of the pictures.", valueName: "folder"),
        completion: .directory)
    var images: String?

    @Option(help: "What yolo, voc and openimages state: bbox (boxes) or segm (outlines, masks).")
    var type: EvaluationOptions.Geometry = .box

    @Option(
        help: ArgumentHelp(
            "The part of a data set in yolo, voc and openimages: train, val, test. It is read, and written."))
    var subset: String?

    @Option(
        help: ArgumentHelp(
            "The attribute of VIA's regions that is their class; else the one whose name looks like it.",
            valueName: "name"))
    var classAttribute: String?

    @Flag(help: "Print one JSON object that says what was written and what was lost.")
    var json = false

    @OptionGroup var messages: MessageArguments

    func validate() throws {
        if input == "-" || output == "-" {
            throw ValidationError("convert-dataset reads and writes files and folders, no streams (-)")
        }
        if let subset, subset.contains("/") || subset.isEmpty || subset.hasPrefix(".") {
            throw ValidationError("--subset is the name of a part, such as train")
        }
    }

    func run() throws {
        let target = try target()
        let source = try FormatSource(path: input)
        if !target.isFolder {
            try OutputGuard([input] + source.names.map { source.file($0) }).check(output)
            if source.isFolder { try OutputGuard.check(output, inside: source.path) }
        }
        if let images { try PictureFolder(path: images).check() }
        let reader = PictureSizes.readerWhenNeeded(for: .convertDataset)
        var (form, contents) = try DatasetConversion.read(
            input, as: from,
            FormatReadingOptions(
                pictures: images, reader: reader, subset: subset, classAttribute: classAttribute))
        if !target.isFolder, FileStatus(output) != nil {
            let (pictures, table) = (PictureFolder(path: images ?? ""), contents.dataset.images)
            try OutputGuard(
                contents.files + (0..<table.count).compactMap { pictures.location(of: table[$0]) }
            ).check(output)
        }
        if from == nil { StandardError.note("\(input) is read as \(form.title) (\(form.rawValue))") }
        contents.report.add(
            try DatasetConversion.write(
                contents.dataset, to: output, as: target,
                FormatWritingOptions(
                    pictures: images, keepsOutlines: type == .mask, subset: subset ?? "train")))
        try SplitSummary(
            files: [
                SplitSummary.File(
                    path: output, images: contents.dataset.images.count,
                    annotations: contents.dataset.annotations.count,
                    categories: contents.dataset.categories.count)
            ], reports: [contents.report]
        ).print(json: json)
    }

    /// The format of the output.
    private func target() throws -> FormatName {
        if let to { return to }
        switch Path.suffix(output) {
        case "json": return .coco
        case "xml": return .cvat
        default:
            throw ValidationError(
                "--to says the format of \(output): "
                    + FormatName.allCases.map(\.rawValue).joined(separator: ", "))
        }
    }
}
