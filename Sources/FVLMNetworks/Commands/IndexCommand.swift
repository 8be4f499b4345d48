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
            the index yet: after an interruption, which loses at most --shard pictures, and for new ones. An index of \
            another detector, CLIP or setting of regions is refused.

            A region takes 4 bytes for each number of an embedding (width 512: 2 KB), a picture of 100 regions 205 KB.

            Examples:
              fvlm index photos/ --recursive --model detector --output index
              fvlm search index --words "red bicycle" --top 20
            """)

    @OptionGroup var pictures: PictureArguments

    @OptionGroup var detector: DetectorOptions

    @Option(name: [.short, .long], help: ArgumentHelp("The folder of the index.", valueName: "folder"))
    var output: String

    @Option(help: "The regions kept of each picture, those that look most like an object; 0: all.")
    var regions = 100

    @Option(help: "The number of pictures in a file of the index.")
    var shard = 128

    @Option(help: "The number of pictures per batch.")
    var batchSize = 1

    @Flag(help: "Print one JSON object at the end.")
    var json = false

    func validate() throws {
        if regions < 0 { throw ValidationError("--regions must be 0 (all) or more") }
        if shard < 1 { throw ValidationError("--shard must be at least 1") }
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

    func run() async throws {
        let files = try pictures.files()
        try OutputGuard(files + pictures.lists, models: detector.models).check(output)
        let loaded = try detector.load()
        let options = detector.options(loaded)
        var writer = try RegionIndexWriter(
            folder: output, detector: loaded, regions: regions, options: options,
            model: Path.absolute(detector.model), shardSize: shard)
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
        let preprocessor = try loaded.clip.preprocessor()
        let stream = PictureStream(wanted, batchSize: batchSize) { image, place in
            var hash = SHA256()
            let bytes = try FileBytes(contentsOf: wanted[place], access: .read)
            withExtendedLifetime(bytes) { hash.update(bytes.bytes) }
            return Picture(
                path: wanted[place], prepared: try loaded.prepare(image), whole: try preprocessor(image),
                sha256: hash.finalized().hexadecimal)
        }
        let bar = ProgressBar("pictures")
        var (added, skipped) = (0, 0)
        while let batch = await stream.next() {
            try Task.checkCancellation()
            for fault in batch.faults {
                skipped += 1
                try pictures.leaveOut(fault.error, of: wanted.count)
            }
            let found = batch.pictures.map(\.value)
            let encoded = try await loaded.encode(
                prepared: found.map(\.prepared), options: options, includesMasks: false)
            for (place, picture) in found.enumerated() {
                let whole = try loaded.clip.embed(pixels: picture.whole.tensor.unsqueezed(0))
                try writer.add(
                    picture.path, sha256: picture.sha256, size: picture.prepared.transform.source,
                    encoded.regions(ofPicture: place), whole: whole)
                added += 1
            }
            bar.update(batch.end, of: stream.count)
        }
        try writer.finish()
        bar.finish()
        let summary = Summary(
            index: output, pictures: writer.known.count, added: added, known: known, skipped: skipped)
        try StandardOutput.print(
            json
                ? JSONText.line(summary)
                : "\(output): \(summary.pictures) pictures, \(added) of them new")
        if skipped > 0 {
            StandardError.note("\(skipped) of \(wanted.count) pictures were skipped")
            throw ExitCode.failure
        }
    }
}
