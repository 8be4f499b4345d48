import ArgumentParser
import COCO
import Foundation
import Support

/// A data set and what was lost in reading it.
struct LoadedDataset {
    var dataset: Dataset
    var report = ConversionReport()

    /// Reads a file and notes the parts of it that are not kept.
    init(contentsOf path: String) throws {
        let (dataset, unread) = try Dataset.reading(contentsOf: path)
        self.dataset = dataset
        report.add(unread, of: path)
    }
}

/// The output of a subcommand of `fvlm split`.
struct SplitOutput: ParsableArguments {
    @Option(
        name: [.short, .long],
        help: ArgumentHelp("The annotation file to write; - for standard output.", valueName: "file"),
        completion: .file())
    var output: String

    @Flag(help: "Print one JSON object that reports what was written and what was lost.")
    var json = false

    @OptionGroup var messages: MessageArguments

    func validate() throws {
        if json, output == "-" {
            throw ValidationError("--json and --output - would both write to standard output")
        }
    }

    /// Refuses to overwrite an input.
    func check(_ inputs: [String?], and other: String? = nil) throws {
        let inputs = OutputGuard(inputs)
        try inputs.check(file: output)
        try inputs.check(file: other)
        try OutputGuard.checkDistinct([output, other])
    }

    /// Writes data sets, the first one to ``output``, and reports on them.
    func write(_ dataset: Dataset, reports: [ConversionReport], and other: (path: String, Dataset)? = nil)
        throws
    {
        if output == "-" {
            try StandardOutput.write(Array(dataset.json()))
        } else {
            try dataset.write(to: output)
        }
        if let other { try other.1.write(to: other.path) }
        let files = [(output, dataset)] + (other.map { [($0.path, $0.1)] } ?? [])
        try SplitSummary(
            files: files.map {
                SplitSummary.File(
                    path: $0.0, images: $0.1.images.count, annotations: $0.1.annotations.count,
                    categories: $0.1.categories.count)
            }, reports: reports
        ).print(json: json, quiet: output == "-")
    }
}

/// The report of a subcommand of `fvlm split`.
struct SplitSummary {
    struct File: Encodable {
        let path: String
        let images: Int
        let annotations: Int
        let categories: Int
    }

    private struct Loss: Encodable {
        let count: Int
        let text: String
        let ids: [Int64]
    }

    private struct Output: Encodable {
        let files: [File]
        let losses: [Loss]
    }

    let files: [File]
    let reports: [ConversionReport]

    /// - Parameter quiet: Whether standard output is reserved for the data.
    func print(json: Bool, quiet: Bool = false) throws {
        let entries = reports.flatMap(\.entries)
        for entry in entries { StandardError.note(entry.description) }
        if json {
            let output = Output(
                files: files,
                losses: entries.map { Loss(count: $0.count, text: $0.text, ids: $0.ids) })
            try StandardOutput.print(JSONText.line(output))
        } else if !quiet {
            for file in files {
                try StandardOutput.print(
                    "\(file.path): \(file.images) images, \(file.annotations) annotations, "
                        + "\(file.categories) categories")
            }
        }
    }
}
