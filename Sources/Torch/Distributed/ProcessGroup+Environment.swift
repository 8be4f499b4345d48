import Foundation
import Support

extension ProcessGroup {
    /// Where processes meet, as the environment says.
    package struct Meeting: Sendable, Hashable {
        /// The place of this process.
        package let rank: ProcessRank

        /// The address of process 0's machine.
        package let host: String

        /// The port there.
        package let port: Int

        /// What was chosen, and from which variables.
        package let note: String

        /// The port if none is said: torchrun's own.
        package static let defaultPort = 29500

        /// Reads the variables of torchrun, Slurm or OpenMPI; nil for one process alone.
        /// - Throws: `ConfigurationError` for variables that do not say where to meet.
        package init?(environment: [String: String] = ProcessInfo.processInfo.environment)
            throws(ConfigurationError)
        {
            guard let rank = try ProcessRank(environment: environment), rank.count > 1 else { return nil }
            self.rank = rank
            let (host, origin): (String, String)
            if let given = environment["MASTER_ADDR"] {
                (host, origin) = (given, "MASTER_ADDR")
            } else if let list = environment["SLURM_STEP_NODELIST"] ?? environment["SLURM_NODELIST"] {
                (host, origin) = (Self.firstHost(list), "the first of Slurm's nodes")
            } else if environment["OMPI_COMM_WORLD_LOCAL_SIZE"] == "\(rank.count)" {
                (host, origin) = ("127.0.0.1", "all processes are on this machine")
            } else {
                throw ConfigurationError(
                    origin: rank.origin,
                    reason: "says that there are \(rank.count) processes, but not where they meet",
                    exitStatus: .usage)
            }
            self.host = host
            port = try Self.port(environment)
            note = "\(rank.note); all meet at \(host), port \(port) (\(origin))"
        }

        private static func port(_ environment: [String: String]) throws(ConfigurationError) -> Int {
            if let given = environment["MASTER_PORT"] {
                guard let port = Int(given), (1...65_535).contains(port) else {
                    throw ConfigurationError(
                        origin: "MASTER_PORT=\(given)", reason: "is not the number of a port",
                        exitStatus: .usage)
                }
                return port
            }
            // Two jobs on one machine must not meet each other.
            guard let job = environment["SLURM_JOB_ID"].flatMap({ Int($0) }) else { return defaultPort }
            return 15_000 + job % 20_000
        }

        /// The first of Slurm's hosts: `node[003-007,9],other` begins with `node003`.
        static func firstHost(_ list: String) -> String {
            guard let open = list.firstIndex(of: "["), !list[..<open].contains(",") else {
                return String(list.prefix { $0 != "," })
            }
            let number = list[list.index(after: open)...].prefix { $0.isNumber }
            let close = list[open...].firstIndex(of: "]") ?? list.index(before: list.endIndex)
            return String(list[..<open] + number + list[list.index(after: close)...].prefix { $0 != "," })
        }
    }

    /// Meets the other processes where the environment says.
    /// - Throws: ``ProcessGroupError``.
    package convenience init(_ meeting: Meeting, limit: Duration) throws {
        try self.init(
            rank: meeting.rank.rank, count: meeting.rank.count, host: meeting.host, port: meeting.port,
            limit: limit)
    }
}
