import ArgumentParser
import FVLMCommand
import Support

/// This process's share of shards, as `--shard i/n`.
struct ShardShare: ExpressibleByArgument {
    let rank: ProcessRank

    init?(argument: String) {
        let parts = argument.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let rank = Int(parts[0]), let count = Int(parts[1]), count >= 1,
            (0..<count).contains(rank)
        else { return nil }
        self.rank = ProcessRank(rank: rank, count: count, origin: "--shard \(argument)")
    }
}

/// Work on many pictures shard by shard, by several processes.
struct ShardArguments: ParsableArguments {
    @Option(
        name: .customLong("into"),
        help: ArgumentHelp(
            "Work shard by shard, for several processes and many pictures: each tar archive, and each --shard-size of the other pictures, gets results and a record NAME.done.json in this folder. Finished shards are skipped; fvlm merge-results joins them.",
            valueName: "folder"), completion: .directory)
    var folder: String?

    @Option(
        help: ArgumentHelp(
            "With --into, this process's share of the shards: i of n, from 0/n. Without it RANK and WORLD_SIZE say so, Slurm's or OpenMPI's variables, or one process does all.",
            valueName: "i/n"))
    var shard: ShardShare?

    @Option(
        help: ArgumentHelp(
            "With --into, the number of pictures in a shard of those that are not in archives (default: \(Self.defaultSize)).",
            valueName: "pictures"))
    var shardSize: Int?

    static let defaultSize = 1000

    func validate() throws {
        if folder == nil, shard != nil || shardSize != nil {
            throw ValidationError(
                "--\(shard != nil ? "shard" : "shard-size") is about shards: add --into with their folder")
        }
        if let shardSize, shardSize < 1 { throw ValidationError("--shard-size must be at least 1") }
    }

    /// Refuses options that shards have no place for.
    ///
    /// - Parameter given: Options by whether they were given.
    func refuse(_ given: [(name: String, isGiven: Bool)]) throws {
        guard folder != nil, let first = given.first(where: \.isGiven)?.name else { return }
        throw ValidationError("\(first) and --into are mutually exclusive: each shard has results of its own")
    }

    /// The place of this process among those that share the work.
    func rank() throws -> ProcessRank { try shard?.rank ?? ProcessRank() ?? .alone }
}
