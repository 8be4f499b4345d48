internal import CTorch
import Foundation
import Support
import Synchronization

/// An error in the work that several processes do together: which of them is missing, and what it said.
public struct ProcessGroupError: ReportedError, Hashable {
    /// The processes, or the operation that they do together.
    public let subject: String

    /// What is wrong.
    public let reason: String

    /// The numbers of processes that are gone or do not answer, as far as that is known.
    public let missing: [Int]

    /// A failure rather than bad data.
    public var exitStatus: ExitStatus { .failure }

    /// Creates an error.
    public init(_ subject: String, reason: String, missing: [Int] = []) {
        (self.subject, self.reason, self.missing) = (subject, reason, missing)
    }
}

/// Processes that compute together, on one machine or several: libtorch's c10d with Gloo, in main memory.
///
/// All of them call the same methods in the same order. A call that some do not join ends after the time limit with an error
/// that names them; one that has ended or was killed is noticed at once by its broken connections.
///
/// ```swift
/// let group = try ProcessGroup(rank: rank, count: 4, host: "10.0.0.1", port: 29500)
/// try group.allReduce(gradients).wait()
/// ```
///
/// Not safe to use from several tasks at once.
public final class ProcessGroup: @unchecked Sendable {
    /// The number of this process, from 0.
    public let rank: Int

    /// The number of processes.
    public let count: Int

    /// How long a work waits for the other processes.
    public let limit: Duration

    /// The bytes that works of this process have sent to others, by the rule of the ring: of n bytes reduced 2 n (P - 1) / P.
    public var sentBytes: Int { sent.load(ordering: .relaxed) }

    private let sent = Atomic(0)
    private let store: SharedStore
    private let heartbeat: Heartbeat
    private var group: ct_group?

    /// Meets the other processes.
    ///
    /// A signal SIGPIPE that would end the program is ignored from here on: Gloo writes to processes that may have ended.
    /// - Parameters:
    ///   - rank: The number of this process, from 0; process 0 opens the meeting point.
    ///   - count: The number of processes.
    ///   - host: The address of process 0's machine.
    ///   - port: A free port there, the same for all.
    ///   - limit: How long to wait for the others, here and in every work.
    /// - Throws: ``ProcessGroupError`` that names the processes that did not come.
    public init(rank: Int, count: Int, host: String, port: Int, limit: Duration = .seconds(300)) throws {
        guard (0..<count).contains(rank), let port = UInt16(exactly: port) else {
            throw ProcessGroupError(
                "process \(rank) of \(count)", reason: "is no process, or port \(port) is none")
        }
        (self.rank, self.count, self.limit) = (rank, count, limit)
        StandardStreams.ignoreBrokenPipes()
        do {
            store = try SharedStore(host: host, port: port, isServer: rank == 0, limit: limit)
        } catch let error as TorchError {
            throw ProcessGroupError(
                "process \(rank) of \(count)",
                reason: rank == 0
                    ? "cannot open the meeting point on port \(port): \(error.reason)"
                    : "process 0 could not be reached at \(host), port \(port), within \(limit.shown): \(error.reason)",
                missing: rank == 0 ? [] : [0])
        }
        try Self.meet(store, rank, count, limit)
        heartbeat = try Heartbeat(
            SharedStore(host: host, port: port, isServer: false, limit: limit), key: SharedStore.beat(rank))
        var group: ct_group?
        do {
            try check(
                ct_group_create(
                    store.handle, "group", host, port, Int32(rank), Int32(count), limit / .seconds(1), &group),
                "ProcessGroup")
        } catch let error as TorchError { throw failure("meeting", error) }
        self.group = group
    }

    deinit {
        heartbeat.stop()
        ct_group_release(group)
    }

    /// Waits until all are there.
    private static func meet(_ store: SharedStore, _ rank: Int, _ count: Int, _ limit: Duration) throws {
        let end = ContinuousClock.now + limit
        var missing = Array(0..<count)
        do {
            try store.set("here/\(rank)", "1")
            while true {
                missing = try missing.filter { try store.value("here/\($0)") == nil }
                guard !missing.isEmpty, ContinuousClock.now < end else { break }
                Thread.sleep(forTimeInterval: 0.02)
            }
        } catch let error as TorchError {
            throw ProcessGroupError(
                "process \(rank) of \(count)", reason: "process 0 is gone: \(error.reason)", missing: [0])
        }
        guard missing.isEmpty else {
            throw ProcessGroupError(
                "process \(rank) of \(count)",
                reason: "\(Self.names(missing)) did not come within \(limit.shown)", missing: missing)
        }
    }

    // MARK: Works

    /// How values of all processes become one.
    public enum Reduction: Int32, Sendable {
        /// They are added up.
        case sum
        /// The greatest is taken.
        case maximum
        /// The least is taken.
        case minimum
    }

    /// A work that other threads do: its tensors must not be used until it is waited for.
    public final class Work {
        private let handle: ct_work?
        private let group: ProcessGroup
        private let name: String

        fileprivate init(_ group: ProcessGroup, _ name: String, _ begin: (inout ct_work?) -> ct_error?) throws
        {
            var handle: ct_work?
            do { try check(begin(&handle), name) } catch let error as TorchError {
                throw group.failure(name, error)
            }
            (self.handle, self.group, self.name) = (handle, group, name)
        }

        deinit { ct_work_release(handle) }

        /// Waits for the end of the work.
        /// - Throws: ``ProcessGroupError`` that names the processes that are missing.
        public func wait() throws {
            do { try check(ct_work_wait(handle), name) } catch let error as TorchError {
                throw group.failure(name, error)
            }
        }
    }

    private func counted(_ tensor: Tensor, times factor: Double) throws {
        sent.add(Int(Double(tensor.count * (try tensor.dtype.byteCount)) * factor), ordering: .relaxed)
    }

    /// Puts the sum, or another reduction, of all processes' values into a tensor in main memory, without gaps.
    /// - Throws: ``ProcessGroupError``.
    public func allReduce(_ tensor: Tensor, _ reduction: Reduction = .sum) throws -> Work {
        try counted(tensor, times: 2 * Double(count - 1) / Double(count))
        return try Work(self, "all-reduce") {
            ct_group_all_reduce(group, tensor.handle, reduction.rawValue, &$0)
        }
    }

    /// Puts the values of one process into the tensors of all.
    /// - Throws: ``ProcessGroupError``.
    public func broadcast(_ tensor: Tensor, from root: Int = 0) throws -> Work {
        try counted(tensor, times: rank == root ? 1 : 0)
        return try Work(self, "broadcast") { ct_group_broadcast(group, tensor.handle, Int32(root), &$0) }
    }

    /// The values of all processes, in the order of their numbers; tensors of one shape.
    /// - Throws: ``ProcessGroupError``, ``TorchError``.
    public func gathered(_ tensor: Tensor) throws -> [Tensor] {
        let outputs = try (0..<count).map { _ in try tensor.emptyLike() }
        let handles = outputs.map { Optional($0.handle) }
        try counted(tensor, times: Double(count - 1))
        try Work(self, "gather") { ct_group_all_gather(group, tensor.handle, handles, handles.count, &$0) }
            .wait()
        withExtendedLifetime(outputs) {}
        return outputs
    }

    /// Waits until all processes are here.
    /// - Throws: ``ProcessGroupError``.
    public func barrier() throws { try Work(self, "barrier") { ct_group_barrier(group, &$0) }.wait() }

    /// Lets others go on that wait for this word of this process.
    /// - Throws: ``ProcessGroupError``.
    package func announce(_ word: String) throws {
        do { try store.set("word/\(rank)/\(word)", "1") } catch let error as TorchError {
            throw failure("announcement", error)
        }
    }

    /// Waits for a word of another process, however long, as long as that process lives.
    /// - Throws: ``ProcessGroupError`` when it does not any more.
    package func wait(forWord word: String, of other: Int) throws {
        let what = "waiting for process \(other)"
        var (beat, since) = (String?.none, ContinuousClock.now)
        do {
            while try store.value("word/\(other)/\(word)") == nil {
                let now = try store.value(SharedStore.beat(other))
                if now != beat { (beat, since) = (now, .now) }
                let end = try store.value(SharedStore.end(other))
                guard end == nil, ContinuousClock.now - since < .seconds(Heartbeat.seconds * 10) else {
                    throw ProcessGroupError(
                        "process \(rank) of \(count), \(what)",
                        reason:
                            "process \(other) \(end.map { "has ended: \($0)" } ?? "does not answer any more")",
                        missing: [other])
                }
                Thread.sleep(forTimeInterval: 0.05)
            }
        } catch let error as TorchError { throw failure(what, error) }
    }

    /// Tells the others why this process ends, which their errors then say.
    public func leave(_ reason: String) {
        try? store.set(SharedStore.end(rank), reason.isEmpty ? " " : reason)
    }

    // MARK: Who is missing

    private static func names(_ ranks: [Int]) -> String {
        (ranks.count == 1 ? "process " : "processes ") + ranks.map(String.init).joined(separator: ", ")
    }

    /// The error of a work, with the processes that said why they end, or have no pulse any more.
    private func failure(_ what: String, _ error: TorchError) -> ProcessGroupError {
        let subject = "process \(rank) of \(count), \(what)"
        do {
            // A process that fails says why a moment later than its connections break.
            Thread.sleep(forTimeInterval: 0.5)
            let before = try (0..<count).map { try store.value(SharedStore.beat($0)) }
            var waited = 0.0
            while waited < Heartbeat.seconds * 2.5 {
                let ends = try (0..<count).map { try store.value(SharedStore.end($0)) }
                let ended = (0..<count).filter { ends[$0] != nil && $0 != rank }
                if let first = ended.first(where: { ends[$0]?.allSatisfy(\.isWhitespace) == false }) {
                    return ProcessGroupError(
                        subject, reason: "process \(first) has ended: \(ends[first] ?? "")", missing: ended)
                }
                Thread.sleep(forTimeInterval: 0.25)
                waited += 0.25
            }
            let after = try (0..<count).map { try store.value(SharedStore.beat($0)) }
            let missing = (0..<count).filter { $0 != rank && before[$0] == after[$0] }
            guard missing.isEmpty else {
                return ProcessGroupError(
                    subject, reason: "\(Self.names(missing)) cannot be reached any more (\(error.reason))",
                    missing: missing)
            }
            return ProcessGroupError(
                subject,
                reason:
                    "the others are alive, but did not join within \(limit.shown), or a connection broke (\(error.reason))"
            )
        } catch {
            return ProcessGroupError(
                subject, reason: "process 0, where all meet, cannot be reached any more", missing: [0])
        }
    }
}

/// A connection with the place where processes leave each other short texts.
private final class SharedStore: @unchecked Sendable {
    let handle: ct_store?

    init(host: String, port: UInt16, isServer: Bool, limit: Duration) throws {
        var handle: ct_store?
        try check(ct_store_create(host, port, isServer, limit / .seconds(1), &handle), "TCPStore")
        self.handle = handle
    }

    deinit { ct_store_release(handle) }

    static func beat(_ rank: Int) -> String { "beat/\(rank)" }
    static func end(_ rank: Int) -> String { "end/\(rank)" }

    func set(_ key: String, _ value: String) throws {
        try check(ct_store_set(handle, key, value), "TCPStore.set")
    }

    func value(_ key: String) throws -> String? {
        var value: UnsafeMutablePointer<CChar>?
        try check(ct_store_get(handle, key, &value), "TCPStore.get")
        guard let value else { return nil }
        defer { ct_error_free(value) }
        return String(cString: value)
    }
}

/// A thread that counts in the store as long as this process lives.
private final class Heartbeat: Sendable {
    /// The time between two beats.
    static let seconds = 1.0

    private let isStopped = Atomic(false)

    init(_ store: SharedStore, key: String) throws {
        try store.set(key, "0")
        Thread.detachNewThread { [weak self] in
            var number = 0
            while true {
                Thread.sleep(forTimeInterval: Self.seconds)
                guard let self, !self.isStopped.load(ordering: .relaxed) else { return }
                number += 1
                // Without the store there is nobody to count for.
                guard (try? store.set(key, "\(number)")) != nil else { return }
            }
        }
    }

    func stop() { isStopped.store(true, ordering: .relaxed) }
}

extension Duration {
    fileprivate var shown: String { "\(NumberText.decimals(self / .seconds(1), 0)) s" }
}
