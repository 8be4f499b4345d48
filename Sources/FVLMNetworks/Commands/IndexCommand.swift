import ArgumentParser
import CLIP
import FVLM
import FVLMCommand
import Foundation
import Imaging
import Support
import Torch

/// `fvlm index`
struct IndexCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        .index,
        discussion: """
            The detector looks at every picture once and writes the embeddings of possible objects, from both towers, as \
            halves into files that a search maps into memory. Run again, the command adds the pictures that are not in \
            the index yet: after an interruption, which loses at most --pictures-per-file pictures, and for new ones. An index of \
            another detector, CLIP or setting of regions is refused.

            A region takes 4 bytes for each number of an embedding (width 512: 2 KB), a picture of 100 regions 205 KB.

            Examples:
              fvlm index photos/ --recursive --model detector --output index
              fvlm search index --words "red bicycle" --top 20
            """)

    @OptionGroup var pictures: PictureArguments

    @OptionGroup var detector: DetectorOptions

    @Option(
        name: [.short, .long], help: ArgumentHelp("The folder of the index.", valueName: "folder"),
        completion: .directory)
    var output: String?

    @Option(help: "The regions kept of each picture, those that look most like an object; 0: all.")
    var regions = 100

    @Option(help: "The number of pictures in a file of the index.")
    var picturesPerFile = 128

    @Option(help: "The number of pictures per batch.")
    var batchSize = 1

    @Flag(help: "Print one JSON object at the end.")
    var json = false

    @OptionGroup var shards: ShardArguments

    func validate() throws {
        if output == nil, shards.folder == nil {
            throw ValidationError("--output names the folder of the index, or --into that of shards")
        }
        try shards.refuse([("--output", output != nil), ("--json", json)])
        if regions < 0 { throw ValidationError("--regions must be 0 (all) or more") }
        if picturesPerFile < 1 { throw ValidationError("--pictures-per-file must be at least 1") }
        if batchSize < 1 { throw ValidationError("--batch-size must be at least 1") }
    }

    /// A picture that was read.
    private struct Picture {
        let path: String
        let prepared: PixelValues
        let whole: PixelValues
        let sha256: String
    }

    private struct Summary: Encodable {
        let index: String
        let pictures: Int
        let added: Int
        let known: Int
        let skipped: Int
    }

    /// What was read.
    private struct Outcome {
        var added = 0
        var faults: [(file: String, error: any Error)] = []
    }

    func run() async throws {
        if let folder = shards.folder { return try await runShards(into: folder) }
        guard let output else { return }
        let files = try pictures.files()
        try OutputGuard(files + pictures.lists, models: detector.models).check(output)
        let loaded = try detector.load()
        var writer = try writer(output, loaded)
        // A picture given twice is one picture.
        var seen: Set<String> = []
        let all = files.map(Path.absolute).filter { seen.insert($0).inserted }
        let wanted = all.filter { writer.known[$0] == nil }
        let known = all.count - wanted.count
        if known > 0 {
            StandardError.note(
                "\(output) already contains \(known) of the \(all.count) pictures; continuing with the other \(wanted.count)"
            )
        }
        let outcome = try await add(wanted, to: &writer, loaded, count: wanted.count)
        let summary = Summary(
            index: output, pictures: writer.known.count, added: outcome.added, known: known,
            skipped: outcome.faults.count)
        try StandardOutput.print(
            json
                ? JSONText.line(summary)
                : "\(output): \(summary.pictures) pictures, \(summary.added) of them new")
        if summary.skipped > 0 {
            StandardError.note("\(summary.skipped) of \(wanted.count) pictures were skipped")
            throw ExitCode.failure
        }
    }

    /// Works shard by shard: an index for each.
    private func runShards(into folder: String) async throws {
        let work = try ShardedWork(pictures, shards, folder: folder)
        let loaded = try detector.load()
        let identity = try RegionIndex.Identity(loaded, detector.options(loaded), regions: regions)
        try await work.run(
            .index, ending: "",
            identity: [
                "model": identity.detector, "CLIP": identity.clip, "configuration": identity.settings,
                "number of regions": "\(identity.regions)", "precision": detector.precision.value.rawValue,
            ]
        ) { files, path in
            var writer = try writer(path, loaded)
            var seen: Set<String> = []
            let all = files.map(Path.absolute).filter { seen.insert($0).inserted }
            let found = try await add(
                all.filter { writer.known[$0] == nil }, to: &writer, loaded, count: .max)
            var outcome = ShardedWork.Outcome(pictures: writer.known.count)
            for fault in found.faults { outcome.add(fault.error, of: fault.file) }
            return outcome
        }
    }

    private func writer(_ folder: String, _ loaded: Detector) throws -> RegionIndexWriter {
        try RegionIndexWriter(
            folder: folder, detector: loaded, regions: regions, options: detector.options(loaded),
            model: Path.absolute(detector.model), shardSize: picturesPerFile)
    }

    /// Adds pictures to an index.
    ///
    /// - Parameter count: The number of pictures of the work; if a single one fails, nothing is left to do.
    private func add(_ wanted: [String], to writer: inout RegionIndexWriter, _ loaded: Detector, count: Int)
        async throws
        -> Outcome
    {
        let options = detector.options(loaded)
        let preprocessor = try loaded.clip.preprocessor()
        let stream = PictureStream(wanted, batchSize: batchSize) { image, place in
            Picture(
                path: wanted[place], prepared: try loaded.prepare(image), whole: try preprocessor(image),
                sha256: SHA256.hash(try PictureFile.read(wanted[place])).hexadecimal)
        }
        let bar = ProgressBar("pictures")
        var outcome = Outcome()
        while let batch = await stream.next() {
            try Task.checkCancellation()
            for fault in batch.faults {
                outcome.faults.append((wanted[fault.index], fault.error))
                try pictures.leaveOut(fault.error, of: count)
            }
            let found = batch.pictures.map(\.value)
            let encoded = try await loaded.encode(
                prepared: found.map(\.prepared), options: options, includesMasks: false)
            for (place, picture) in found.enumerated() {
                let whole = try loaded.clip.embed(pixels: picture.whole.tensor.unsqueezed(0))
                try writer.add(
                    picture.path, sha256: picture.sha256, size: picture.prepared.transform.source,
                    encoded.regions(ofPicture: place), whole: whole)
                outcome.added += 1
            }
            bar.update(batch.end, of: stream.count)
        }
        try writer.finish()
        bar.finish()
        return outcome
    }
}
