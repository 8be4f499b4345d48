import ArgumentParser
import Support

/// `fvlm merge-results`
struct MergeResultsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        .mergeResults,
        discussion: """
            Joins what fvlm detect, index or embed image wrote with --into FOLDER: one file of JSON lines, a COCO results \
            file, one safetensors file, or one index. Shards that are missing, shards of different models, settings or \
            lists, results that were cut off and pictures that are there twice are errors.

            Examples:
              fvlm merge-results found --output all.jsonl
              fvlm merge-results found --output all.json --format coco
              fvlm merge-results indexes --output index
            """)

    /// The forms of joined detections.
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case json
        case coco
    }

    @Argument(help: "The folder that was given to --into.", completion: .directory)
    var folder: String

    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "The file to write, - for standard output; of an index the path of a new folder.",
            valueName: "file"), completion: .file())
    var output: String

    @Option(help: "Of detections json (lines, one a picture) or coco (a results file).")
    var format: Format?

    @Flag(help: "Join what is there when shards are missing, with a note.")
    var allowMissing = false

    @Flag(help: "Print one JSON object at the end.")
    var json = false

    @OptionGroup var messages: MessageArguments

    func validate() throws {
        if json, output == "-" {
            throw ValidationError("--json and --output - would both write to standard output")
        }
    }

    private struct Summary: Encodable {
        let output: String
        let shards: Int
        let missing: Int
        let pictures: Int
        let objects: Int?
        let faults: Int
        let seconds: Double
    }

    func run() throws {
        let shards = try FinishedShards(in: folder)
        try OutputGuard([folder]).check(output)
        if output != "-" {
            for record in shards.records {
                let inputs = OutputGuard([shards.results(record), ShardRecord.path(record.shard, in: folder)])
                try inputs.check(output)
            }
        }
        let kind = shards.records[0].kind
        if format != nil, kind != .detections {
            throw ValidationError(
                "--format is about detections; these are results of another kind (\(kind.rawValue))")
        }
        if kind != .detections, output == "-" {
            throw ValidationError("only detections can be written to standard output: --output names a file")
        }
        if !shards.missing.isEmpty {
            let total = shards.records[0].of
            let places = shards.missing.prefix(10).map(String.init).joined(separator: ", ")
            let text =
                "\(shards.missing.count) of \(total) shards are missing: "
                + "number \(places)\(shards.missing.count > 10 ? ", ..." : "") from 0"
            guard allowMissing else {
                throw FileFailure(
                    folder, reason: text,
                    advice: "run the work again, which makes those only, or add --allow-missing")
            }
            StandardError.note(text)
        }
        var (pictures, objects) = (0, Int?.none)
        switch kind {
        case .detections:
            var merged = MergedDetections(shards)
            try merged.check()
            (pictures, objects) = (merged.pictures, merged.objects)
            try write(merged)
        case .embeddings:
            let merged = try MergedEmbeddings(shards)
            try merged.write(to: output)
            pictures = merged.pictures
        case .index:
            let merged = try MergedIndex(shards)
            try merged.write(to: output)
            pictures = merged.pictures
        }
        try report(shards, pictures: pictures, objects: objects)
    }

    private func write(_ merged: MergedDetections) throws {
        func all(_ write: (UnsafeRawBufferPointer) throws -> Void) throws {
            if format == .coco { try merged.writeCOCO(write) } else { try merged.writeLines(write) }
        }
        guard output != "-" else { return try all { try StandardOutput.write(Array($0)) } }
        try AtomicFile.write(to: output) { file in
            try all { try file.write($0) }
        }
    }

    private func report(_ shards: FinishedShards, pictures: Int, objects: Int?) throws {
        let faults = shards.records.reduce(0) { $0 + $1.faults }
        for record in shards.records {
            for fault in record.unreadable.prefix(3) { StandardError.note("not used: \(fault.reason)") }
        }
        if faults > 0 {
            StandardError.note(
                "\(faults) pictures could not be used; the records in \(folder) name them (unreadable)")
        }
        let seconds = shards.records.reduce(0) { $0 + $1.seconds }
        if json {
            try StandardOutput.print(
                JSONText.line(
                    Summary(
                        output: output, shards: shards.records.count, missing: shards.missing.count,
                        pictures: pictures, objects: objects, faults: faults, seconds: seconds)))
        } else if output != "-" {
            try StandardOutput.print(
                "\(output): \(pictures) pictures" + (objects.map { ", \($0) objects" } ?? "")
                    + " of \(shards.records.count) shards, \(NumberText.decimals(seconds, 1)) s of work")
        }
    }
}
