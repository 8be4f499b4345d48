import ArgumentParser
import COCO
import DatasetFormats
import Foundation
import Support

/// `fvlm check-dataset`
struct CheckDatasetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        .checkDataset,
        discussion: """
            Examples:
              fvlm check-dataset instances_train.json --images train2017
              fvlm check-dataset train.json --images train --against val.json --against-images val

            A file or folder in another format than COCO's or LVIS's is converted first, as fvlm convert-dataset does; \
            what cannot be kept is reported on standard error.

            Exits with 0 if no errors are found (warnings and notes do not count), with 65 if errors are found \
            or a file is malformed, with 1 if a file or folder cannot be read, and with 64 for wrong usage. A \
            file name of - reads standard input.
            """)

    @Argument(help: "The annotation file, or a file or folder of another form.", completion: .file())
    var annotations: String

    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "The folder of the pictures, to check that they exist, their sizes, and duplicates.",
            valueName: "folder"), completion: .directory)
    var images: String?

    @Option(
        help: ArgumentHelp(
            "Another annotation file that should share no picture with this one and have the same categories, "
                + "such as validation and training.", valueName: "file"), completion: .file())
    var against: String?

    @Option(
        help: ArgumentHelp(
            "The folder of the other file's pictures, to compare contents instead of file names.",
            valueName: "folder"), completion: .directory)
    var againstImages: String?

    @Option(
        name: .customLong("show"),
        help: ArgumentHelp("The number of examples to show of each finding.", valueName: "count"))
    var examples = 3

    @OptionGroup var threads: ThreadArguments

    @OptionGroup var messages: MessageArguments

    @Flag(help: "Print one JSON object, with the ids of everything affected.")
    var json = false

    func validate() throws {
        if againstImages != nil, against == nil {
            throw ValidationError("--against-images needs --against, the annotation file of those pictures")
        }
        if againstImages != nil, images == nil {
            throw ValidationError("--against-images needs --images, the pictures to compare with")
        }
        if annotations == "-", against == "-" {
            throw ValidationError("standard input (-) can be read only once")
        }
        if examples < 0 { throw ValidationError("--show cannot be negative") }
    }

    func run() throws {
        let size = try images.map { _ in try PictureSizes.reader(for: .checkDataset) }
        for folder in [images, againstImages].compactMap(\.self) { try PictureFolder(path: folder).check() }
        let dataset = try load(annotations, pictures: images)
        let other = try against.map { try load($0, pictures: againstImages) }
        var check = DatasetCheck(
            pictures: images.map { PictureFolder(path: $0, size: size) })
        check.threadCount = threads.count
        check.exampleLimit = examples
        let progress = ProgressBar("annotations and pictures")
        let total = dataset.annotations.count + (images == nil ? 0 : dataset.images.count)
        var findings = try check.findings(in: dataset) { done, _ in progress.update(done, of: total) }
        progress.finish()
        if let other {
            findings += try check.overlap(
                of: dataset, with: other, pictures: againstImages.map { PictureFolder(path: $0) })
        }
        findings = DatasetFinding.Severity.allCases.flatMap { severity in
            findings.filter { $0.severity == severity }
        }
        let report = CheckReport(
            file: annotations, against: against, imageCount: dataset.images.count,
            annotationCount: dataset.annotations.count, categoryCount: dataset.categories.count,
            findings: findings)
        try StandardOutput.print(json ? report.json() : report.text)
        if report.errorCount > 0 { throw ExitCode(ExitStatus.badData.rawValue) }
    }

    /// Reads a data set: COCO's and LVIS's forms leniently, others by converting them.
    private func load(_ path: String, pictures: String?) throws -> Dataset {
        // A pipe can be read only once, so its form cannot be looked for.
        let kind = FileStatus(path)?.kind
        guard kind == .file || kind == .folder else { return try Dataset(examining: path) }
        let form: FormatName
        do { form = try DatasetConversion.name(of: FormatSource(path: path)) } catch {
            // Of a file the lenient reader tells the first fault; a folder it cannot read.
            if kind == .folder { throw error }
            form = .coco
        }
        guard form != .coco && form != .lvis else { return try Dataset(examining: path) }
        let options = FormatReadingOptions(
            pictures: pictures, reader: PictureSizes.readerWhenNeeded(for: .checkDataset))
        let contents = try DatasetConversion.read(path, as: form, options).contents
        StandardError.note("\(path) is read as \(form.title) (\(form.rawValue))")
        for entry in contents.report.entries { StandardError.note(entry.description) }
        return contents.dataset
    }
}
