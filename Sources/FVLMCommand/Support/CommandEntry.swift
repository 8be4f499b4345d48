import ArgumentParser

/// A line of `fvlm --help`: the only place that states a command's name and abstract.
package struct CommandEntry: Sendable, Hashable {
    /// The name on the command line.
    package let name: String

    /// What the command does, in one line.
    package let abstract: String

    /// Whether only `fvlm-networks` has the command.
    package var isElsewhere = true
}

extension CommandEntry {
    package static let detect = CommandEntry(
        name: "detect", abstract: "Finds objects of named classes in pictures.")
    package static let track = CommandEntry(
        name: "track", abstract: "Finds objects in films, streams and cameras, and follows them.")
    package static let evaluate = CommandEntry(
        name: "evaluate", abstract: "Measures a detector on annotated pictures.")
    package static let train = CommandEntry(
        name: "train", abstract: "Trains a detector on a frozen CLIP.")
    package static let cache = CommandEntry(
        name: "cache",
        abstract: "Stores the frozen CLIP's features of the training pictures, to train faster.")
    package static let embed = CommandEntry(
        name: "embed", abstract: "Embeds pictures or texts with CLIP; classifies pictures without training.")
    package static let vocabulary = CommandEntry(
        name: "vocabulary",
        abstract: "Creates, shows and merges files of classes, given by words or by example boxes.")
    package static let calibrate = CommandEntry(
        name: "calibrate", abstract: "Fits scores and thresholds to annotated pictures.")
    package static let quantize = CommandEntry(
        name: "quantize", abstract: "Finds how a detector can compute in eight bits.")
    package static let index = CommandEntry(
        name: "index", abstract: "Stores what a detector sees in pictures, to be searched later.")
    package static let search = CommandEntry(
        name: "search", abstract: "Searches an index of pictures by words and by examples.")
    package static let mergeResults = CommandEntry(
        name: "merge-results",
        abstract: "Joins and checks the results of shards, which several processes made.",
        isElsewhere: false)
    package static let serve = CommandEntry(
        name: "serve", abstract: "Answers requests over HTTP, as an API and to labeling tools.")
    package static let convert = CommandEntry(
        name: "convert", abstract: "Imports weights of other projects, and exports to their formats.")
    package static let score = CommandEntry(
        name: "score", abstract: "Scores result files against annotations, as COCO and LVIS do.",
        isElsewhere: false)
    package static let analyze = CommandEntry(
        name: "analyze",
        abstract: "Reports what is wrong with detections and with labels, as a page with the pictures.",
        isElsewhere: false)
    package static let checkDataset = CommandEntry(
        name: "check-dataset",
        abstract: "Looks for faults in a data set of any format that convert-dataset reads.",
        isElsewhere: false)
    package static let convertDataset = CommandEntry(
        name: "convert-dataset",
        abstract: "Converts data sets between COCO, YOLO, VOC, CVAT, Label Studio and other formats.",
        isElsewhere: false)
    package static let split = CommandEntry(
        name: "split", abstract: "Filters, samples, merges and converts data sets.", isElsewhere: false)
    package static let inspect = CommandEntry(
        name: "inspect", abstract: "Lists the tensors of a weight file.", isElsewhere: false)
    package static let doctor = CommandEntry(
        name: "doctor", abstract: "Shows versions, devices and picture formats, and tries them.")

    /// All commands, grouped by the titles of the help.
    static let groups: [(title: String, entries: [CommandEntry])] = [
        (
            "Detector",
            [
                .detect, .track, .evaluate, .calibrate, .quantize, .index, .search, .mergeResults, .serve,
                .train, .cache,
            ]
        ),
        ("CLIP and weight", [.embed, .vocabulary, .convert, .inspect]),
        ("Data set", [.score, .analyze, .checkDataset, .convertDataset, .split]),
        ("Installation", [.doctor]),
    ]

    /// The command with this name.
    package init?(named name: String) {
        guard let entry = Self.groups.lazy.flatMap(\.entries).first(where: { $0.name == name }) else {
            return nil
        }
        self = entry
    }
}

/// A command that this program lists but does not have.
struct CommandElsewhere: Error {
    let entry: CommandEntry
}

/// A command that this program lists in its help and another program runs.
protocol ListedCommand: ParsableCommand {
    static var entry: CommandEntry { get }
}

extension ListedCommand {
    static var configuration: CommandConfiguration { CommandConfiguration(entry) }

    func run() throws { throw CommandElsewhere(entry: Self.entry) }
}

/// The commands of `fvlm-networks`, for the help.
enum Listed {
    struct Detect: ListedCommand { static let entry = CommandEntry.detect }
    struct Track: ListedCommand { static let entry = CommandEntry.track }
    struct Evaluate: ListedCommand { static let entry = CommandEntry.evaluate }
    struct Calibrate: ListedCommand { static let entry = CommandEntry.calibrate }
    struct Quantize: ListedCommand { static let entry = CommandEntry.quantize }
    struct Index: ListedCommand { static let entry = CommandEntry.index }
    struct Search: ListedCommand { static let entry = CommandEntry.search }
    struct Serve: ListedCommand { static let entry = CommandEntry.serve }
    struct Train: ListedCommand { static let entry = CommandEntry.train }
    struct Cache: ListedCommand { static let entry = CommandEntry.cache }
    struct Embed: ListedCommand { static let entry = CommandEntry.embed }
    struct Vocabulary: ListedCommand { static let entry = CommandEntry.vocabulary }
    struct Convert: ListedCommand { static let entry = CommandEntry.convert }
    struct Doctor: ListedCommand { static let entry = CommandEntry.doctor }
}
