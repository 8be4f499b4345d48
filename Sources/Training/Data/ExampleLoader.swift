import FVLM
import Foundation
import Support
import Torch

/// Loads examples in random order, ahead of the network, on its own threads.
///
/// The order of an epoch is determined by the seed and the epoch's number, and randomness within an example by seed,
/// epoch and row: for any number of workers, and wherever a run was interrupted, the same examples come in the same
/// order. Batches are full: one that starts at the end of an epoch continues with the next. Threads start with the
/// first batch.
///
/// Not safe to use from several tasks at once.
final class ExampleLoader {
    /// Options of a loader.
    struct Options: Sendable, Hashable {
        /// Examples per batch, those of all processes together.
        var batchSize: Int

        /// A process's part of each batch.
        struct Share: Sendable, Hashable {
            /// The number of the process, from 0.
            var rank: Int
            /// The number of processes.
            var count: Int

            /// The places in a batch that are the process's: all processes have as many, but for one.
            func places(of batchSize: Int) -> Range<Int> {
                batchSize * rank / count..<batchSize * (rank + 1) / count
            }
        }

        /// The part of each batch that is made here; positions count whole batches.
        var share = Share(rank: 0, count: 1)

        /// The seed of order and variation.
        var seed: UInt64

        /// Whether the order is random; otherwise it is the data set's.
        var shuffles: Bool

        /// The number of threads that make examples; 0 makes them on the calling thread.
        var workerCount: Int

        /// The number of examples made ahead; each is kept in memory with its pixels and masks.
        var prefetchCount: Int

        /// The number of variations of each image, used in turn epoch after epoch; nil: a new one in every epoch. A
        /// fixed number allows caching of frozen features.
        var viewCount: Int?

        /// Where the network computes: pictures or features are sent there as soon as an example is made.
        var device: Device

        /// Creates options; by default two batches are made ahead.
        init(
            batchSize: Int = 4, seed: UInt64 = 0, shuffles: Bool = true, workerCount: Int = 2,
            prefetchCount: Int? = nil, viewCount: Int? = nil, device: Device = .cpu
        ) {
            self.batchSize = batchSize
            self.seed = seed
            self.shuffles = shuffles
            self.workerCount = workerCount
            self.prefetchCount = prefetchCount ?? 2 * max(batchSize, 1)
            self.viewCount = viewCount
            self.device = device
        }
    }

    /// The source of the examples.
    let source: any ExampleSource

    /// The loader's options.
    let options: Options

    /// The position of the next example of ``nextBatch()``.
    private(set) var position: LoaderPosition

    /// Seconds spent waiting for the last batch.
    private(set) var waitingTime = 0.0

    private let workshop: Workshop
    private var ticket: Int

    /// Creates a loader that starts at a position.
    /// - Throws: ``TrainingError`` for settings out of range and for a source without examples.
    init(_ source: any ExampleSource, options: Options = Options(), position: LoaderPosition = .init())
        throws
    {
        guard source.count > 0 else { throw TrainingError("training set", "there are no examples") }
        guard options.batchSize > 0, options.workerCount >= 0, options.prefetchCount >= 1,
            options.viewCount ?? 1 > 0
        else {
            throw TrainingError(
                "loader", "batch size, prefetch and views must be positive, workers not negative")
        }
        guard position.epoch >= 0, (0..<source.count).contains(position.index) else {
            throw TrainingError(
                "loader",
                "position \(position.index) of epoch \(position.epoch) is not in \(source.count) examples"
            )
        }
        self.source = source
        self.options = options
        self.position = position
        ticket = position.epoch * source.count + position.index
        workshop = Workshop(source, options, firstTicket: ticket)
    }

    deinit { workshop.stop() }

    /// The next batch of examples.
    /// - Throws: The error that prevented an example; the position then stays before this batch.
    func nextBatch() throws -> [TrainingExample] {
        let start = ContinuousClock.now
        workshop.start()
        let batch = try options.share.places(of: options.batchSize).map { try workshop.example(ticket + $0) }
        for used in ticket..<ticket + options.batchSize { workshop.forget(used) }
        ticket += options.batchSize
        position = LoaderPosition(epoch: ticket / source.count, index: ticket % source.count)
        waitingTime = (ContinuousClock.now - start).seconds
        return batch
    }

    /// The indices of an epoch's examples in the source, in order.
    static func order(epoch: Int, count: Int, options: Options) -> [Int] {
        guard options.shuffles else { return Array(0..<count) }
        var random = RandomStream(options.seed, 0x6F72_6465_72, UInt64(truncatingIfNeeded: epoch))
        return random.permutation(count)
    }

    /// The stream of random numbers for one example.
    /// - Parameter view: The epoch, or the variation's number when variations are fixed.
    static func random(seed: UInt64, view: Int, row: Int) -> RandomStream {
        RandomStream(seed, UInt64(truncatingIfNeeded: view), UInt64(truncatingIfNeeded: row))
    }
}

/// The state shared by the threads of a loader; it outlives the loader until the last thread ends.
private final class Workshop: @unchecked Sendable {
    // All mutable state is guarded by `condition`.
    private let condition = NSCondition()
    private let source: any ExampleSource
    private let options: ExampleLoader.Options
    private var finished: [Int: Result<TrainingExample, any Error>] = [:]
    private let firstTicket: Int
    private var nextTicket: Int
    private var oldestTicket: Int
    private var orders: [Int: [Int]] = [:]
    private var isStarted = false
    private var isStopped = false

    init(_ source: any ExampleSource, _ options: ExampleLoader.Options, firstTicket: Int) {
        self.source = source
        self.options = options
        self.firstTicket = firstTicket
        nextTicket = firstTicket
        oldestTicket = firstTicket
    }

    /// Starts the threads, once.
    func start() {
        guard
            condition.withLock({
                defer { isStarted = true }; return !isStarted
            })
        else { return }
        for number in 0..<options.workerCount {
            let thread = Thread { [self] in work() }
            thread.name = "examples \(number)"
            // Enough for decoders and polygon work; Linux commits only touched pages.
            thread.stackSize = 4 << 20
            thread.start()
        }
    }

    func stop() {
        condition.withLock {
            isStopped = true
            finished = [:]
            condition.broadcast()
        }
    }

    private func work() {
        while let (ticket, row) = claim() {
            let result = autoreleasing { make(ticket, row) }
            condition.withLock {
                if !isStopped { finished[ticket] = result }
                condition.broadcast()
            }
        }
    }

    private func claim() -> (ticket: Int, row: Int)? {
        condition.withLock {
            // At least a batch, or a batch would wait for examples that may not be made yet.
            let ahead = max(options.prefetchCount, options.batchSize)
            while true {
                // Others make the rest of the batch.
                while !isOwn(nextTicket) { nextTicket += 1 }
                guard !isStopped, nextTicket >= oldestTicket + ahead else { break }
                condition.wait()
            }
            guard !isStopped else { return nil }
            defer { nextTicket += 1 }
            return (nextTicket, row(nextTicket))
        }
    }

    /// Whether an example is in this process's part of its batch.
    private func isOwn(_ ticket: Int) -> Bool {
        options.share.places(of: options.batchSize).contains((ticket - firstTicket) % options.batchSize)
    }

    /// Must be called with the lock held.
    private func row(_ ticket: Int) -> Int {
        let (epoch, index) = ticket.quotientAndRemainder(dividingBy: source.count)
        if let order = orders[epoch] { return order[index] }
        let order = ExampleLoader.order(epoch: epoch, count: source.count, options: options)
        orders[epoch] = order
        orders = orders.filter { $0.key + 1 >= oldestTicket / source.count }
        return order[index]
    }

    private func make(_ ticket: Int, _ row: Int) -> Result<TrainingExample, any Error> {
        let epoch = ticket / source.count
        let view = options.viewCount.map { epoch % $0 } ?? epoch
        return Result {
            // A skipped picture is replaced by the data set's next usable one, whenever its fault was found: the order
            // of the others does not change.
            for place in 0..<source.count {
                let row = (row + place) % source.count
                var random = ExampleLoader.random(seed: options.seed, view: view, row: row)
                do {
                    var example = try source.example(at: row, view: view, random: &random)
                    var seeds = RandomStream(
                        options.seed, 0x7361_6D70_6C65, UInt64(truncatingIfNeeded: ticket))
                    example.samplingSeed = seeds.next()
                    try example.send(to: options.device)
                    return example
                } catch is ExcludedPicture { continue }
            }
            throw TrainingError("training set", "no picture can be used")
        }
    }

    func example(_ ticket: Int) throws -> TrainingExample {
        guard options.workerCount > 0 else {
            return try make(ticket, condition.withLock { row(ticket) }).get()
        }
        return try condition.withLock {
            while true {
                if let result = finished[ticket] { return try result.get() }
                condition.wait()
            }
        }
    }

    func forget(_ ticket: Int) {
        condition.withLock {
            finished[ticket] = nil
            oldestTicket = max(oldestTicket, ticket + 1)
            condition.broadcast()
        }
    }
}

/// Drains the autorelease pool, where there is one.
private func autoreleasing<Result>(_ body: () -> Result) -> Result {
    #if canImport(ObjectiveC)
        autoreleasepool(invoking: body)
    #else
        body()
    #endif
}

extension Duration {
    /// The duration in seconds.
    var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}

/// The position of a training in its data, stored in checkpoints.
struct LoaderPosition: Sendable, Hashable, Codable {
    /// The epoch, from 0.
    var epoch = 0

    /// The number of examples of the epoch already used.
    var index = 0
}

/// The source of an ``ExampleLoader``'s examples.
protocol ExampleSource: Sendable {
    /// The number of examples.
    var count: Int { get }

    /// Identifies the examples, for example a hash of their ids: a run can only be resumed on the same ones.
    var fingerprint: String { get }

    /// The records of the source that cannot be used.
    var faults: DataFaults { get }

    /// Makes one example. Called from several threads at once; equal arguments give equal examples.
    /// - Parameters:
    ///   - row: From 0 up to but not including ``count``.
    ///   - view: The variation: the epoch, or a number below the loader's fixed number of views.
    ///   - random: The source of random numbers; determined by seed, view and row.
    /// - Throws: The error that prevents the example.
    func example(at row: Int, view: Int, random: inout RandomStream) throws -> TrainingExample
}

extension ExampleSource {
    /// None: all records can be used.
    var faults: DataFaults { DataFaults() }
}
