#if FVLM_TORCH
    import ArgumentParser
    import CLIP
    import COCO
    import FVLM
    import Foundation
    import Imaging
    import Torch

    /// `fvlm detect`
    struct DetectCommand: AsyncParsableCommand {
        /// Forms of the results.
        enum Format: String, ExpressibleByArgument, CaseIterable {
            case table
            case json
            case coco
        }

        static let configuration = CommandConfiguration(
            commandName: "detect",
            abstract: "Finds objects of named classes in pictures.",
            discussion: """
                Examples:
                  fvlm detect street.jpg --model detector --classes "dog, traffic light" --output found
                  fvlm detect photos/ --model detector --classes-file names.txt --json > found.jsonl

                Boxes are x, y, width, height in pixels of the upright picture.
                """)

        @Argument(help: "Pictures and folders of pictures; - reads paths from standard input, one a line.")
        var images: [String]

        @OptionGroup var detector: DetectorOptions
        @OptionGroup var wanted: VocabularyOptions

        @Option(
            name: [.short, .long],
            help: ArgumentHelp(
                "A folder for the pictures with everything drawn on them.", valueName: "folder"))
        var output: String?

        @Option(help: "table, json (an object a picture, a line each), or coco (a results file).")
        var format: Format = .table

        @Flag(help: "The same as --format json.")
        var json = false

        @Flag(help: "Put masks into the results, as compressed run lengths.")
        var masks = false

        @Option(help: "How many pictures go through the network together.")
        var batchSize = 1

        @Flag(help: "Print where the time went.")
        var profile = false

        @Flag(help: "Leave out pictures that cannot be read, with a note each, and end with 1.")
        var keepGoing = false

        func validate() throws {
            if batchSize < 1 { throw ValidationError("--batch-size must be at least 1") }
            if json, format == .coco { throw ValidationError("--json and --format coco exclude each other") }
        }

        func run() async throws {
            let files = try images.flatMap(PictureFiles.paths)
            let loaded = try detector.load()
            let vocabulary = try await wanted.load(loaded, folder: detector.model)
            var options = detector.options(loaded)
            options.includesMasks = options.includesMasks && (masks || output != nil)
            let times = profile ? StageProfile() : nil
            let pictures = output.map { AnnotatedPictures(folder: $0, options: options) }
            let report = DetectionReport(
                format: json ? .json : format, includesMasks: masks, options: options)
            let bar = ProgressBar("pictures")
            var failures = 0
            var done = 0
            for start in stride(from: 0, to: files.count, by: batchSize) {
                let batch = Array(files[start..<min(start + batchSize, files.count)])
                var read: [(file: String, image: Image)] = []
                for file in batch {
                    do {
                        read.append(
                            (file, try StageProfile.measure(times, .decoding) { try Image(contentsOf: file) })
                        )
                    } catch {
                        guard keepGoing else { throw error }
                        failures += 1
                        FileHandle.standardError.write(Data("note: left out: \(error)\n".utf8))
                    }
                }
                let found = try await loaded.detect(
                    read.map(\.image), vocabulary: vocabulary, options: options, profile: times)
                for ((file, image), detections) in zip(read, found) {
                    try report.add(file, image.size, detections)
                    try pictures?.write(file, image, detections)
                }
                done += batch.count
                bar.update(done, of: files.count)
            }
            bar.finish()
            try report.finish()
            if let times { ProfileTable.print(times, pictures: max(files.count - failures, 1)) }
            if failures > 0 { throw ExitCode.failure }
        }
    }
#endif
