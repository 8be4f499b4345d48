import Foundation

/// The place of this process among those that do one work together.
package struct ProcessRank: Sendable, Hashable {
    /// The number of this process, from 0.
    package let rank: Int

    /// The number of processes.
    package let count: Int

    /// The number of this process among those of its machine; nil if that is not known.
    package let localRank: Int?

    /// Where this was said, for messages: names of variables or of an option.
    package let origin: String

    /// Creates a place.
    package init(rank: Int, count: Int, localRank: Int? = nil, origin: String) {
        (self.rank, self.count, self.localRank, self.origin) = (rank, count, localRank, origin)
    }

    /// One process alone.
    package static let alone = ProcessRank(rank: 0, count: 1, localRank: 0, origin: "one process")

    /// The variables that say it, of those who start processes: torchrun and Kubernetes' training operator, Slurm, OpenMPI.
    private static let variables: [(rank: String, count: String, local: String)] = [
        ("RANK", "WORLD_SIZE", "LOCAL_RANK"), ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"),
        ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"),
    ]

    /// What the environment says: the first of torchrun's, Slurm's and OpenMPI's variables that are there; nil if none is.
    ///
    /// - Throws: ``ConfigurationError`` for a variable without its companion, or without a usable number.
    package init?(environment: [String: String] = ProcessInfo.processInfo.environment)
        throws(ConfigurationError)
    {
        for names in Self.variables {
            guard let first = environment[names.rank] else { continue }
            guard let second = environment[names.count] else {
                throw ConfigurationError(
                    origin: names.rank,
                    reason: "is set in the environment, and \(names.count) is not: set both, or none",
                    exitStatus: .usage)
            }
            guard let rank = Int(first), let count = Int(second), count >= 1, (0..<count).contains(rank)
            else {
                throw ConfigurationError(
                    origin: "\(names.rank)=\(first), \(names.count)=\(second)",
                    reason: "is not the number of a process, from 0, and the number of processes",
                    exitStatus: .usage)
            }
            self.init(
                rank: rank, count: count, localRank: environment[names.local].flatMap { Int($0) },
                origin: "\(names.rank) and \(names.count)")
            return
        }
        return nil
    }

    /// A sentence that says what was chosen.
    package var note: String { "process \(rank) of \(count), from 0 (\(origin))" }
}
