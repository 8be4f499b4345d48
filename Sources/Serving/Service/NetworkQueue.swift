import CLIP
import FVLM
import Imaging
import Support
import Torch

/// A vocabulary with an identity, so that pictures that are looked for the same classes in can be batched.
final class KnownVocabulary: Sendable {
    let vocabulary: Vocabulary

    init(_ vocabulary: Vocabulary) { self.vocabulary = vocabulary }
}

/// The turns at the one network: in the order in which they were asked for by each client, and one client after another.
///
/// Pictures of one size that the same is wanted of are looked at together, up to a limit, after a wait for them of a few
/// milliseconds. What is canceled leaves the queue, and stops if it has begun.
actor NetworkQueue {
    /// What was found in a picture.
    struct Found: Sendable {
        let detections: [FVLM.Detection]
        /// How likely the picture has each class; nil if it was not asked for.
        let presences: [Float]?
        /// Seconds until the turn.
        let waited: Double
        /// Seconds of the network, for the whole batch.
        let network: Double
    }

    /// Pictures with equal keys can be looked at together.
    private struct BatchKey: Hashable {
        let size: ImageSize
        let vocabulary: ObjectIdentifier
        let options: ScoringOptions
    }

    /// A picture to look at.
    private struct Look {
        let key: BatchKey
        let detector: Detector
        let prepared: PixelValues
        let vocabulary: KnownVocabulary
    }

    private enum Grant: Sendable {
        case found(Found)
        case turn(Turn, waited: Double)
    }

    private final class Job {
        let id: UInt64
        let client: String
        let look: Look?
        let since = ContinuousClock.now
        var continuation: CheckedContinuation<Grant, any Error>?

        init(id: UInt64, client: String, look: Look?, _ continuation: CheckedContinuation<Grant, any Error>) {
            self.id = id
            self.client = client
            self.look = look
            self.continuation = continuation
        }

        func resume(_ result: Result<Grant, any Error>) {
            continuation?.resume(with: result)
            continuation = nil
        }

        var seconds: Double { (ContinuousClock.now - since).seconds }
    }

    /// The right to use the network, until it is let go.
    private final class Turn: Sendable {
        private let done: CheckedContinuation<Void, Never>

        init(_ done: CheckedContinuation<Void, Never>) { self.done = done }

        deinit { done.resume() }
    }

    private let batchLimit: Int
    private let batchSeconds: Double
    private let metrics: ServerMetrics
    private var waiting: [String: [Job]] = [:]
    /// The clients with jobs, the next one first.
    private var clients: [String] = []
    private var running: (jobs: [Job], task: Task<Findings, any Error>?)?
    private var isDraining = false
    private var lastID: UInt64 = 0

    init(batchLimit: Int, batchSeconds: Double, metrics: ServerMetrics) {
        self.batchLimit = batchLimit
        self.batchSeconds = batchSeconds
        self.metrics = metrics
    }

    /// Finds objects in a picture.
    /// - Throws: What the detector throws; `CancellationError`.
    func detect(
        _ prepared: PixelValues, _ vocabulary: KnownVocabulary, _ options: ScoringOptions,
        with detector: Detector, for client: String
    ) async throws -> Found {
        let key = BatchKey(
            size: ImageSize(width: prepared.size.width, height: prepared.size.height),
            vocabulary: ObjectIdentifier(vocabulary), options: options)
        let look = Look(key: key, detector: detector, prepared: prepared, vocabulary: vocabulary)
        guard case .found(let found) = try await grant(client, look) else { throw CancellationError() }
        return found
    }

    /// Runs work that needs the network for itself.
    /// - Returns: The work's result, and the seconds until its turn.
    func turn<Value: Sendable>(
        for client: String, _ body: @Sendable () async throws -> Value
    ) async throws -> (value: Value, waited: Double) {
        guard case .turn(let turn, let waited) = try await grant(client, nil) else {
            throw CancellationError()
        }
        let value = try await body()
        withExtendedLifetime(turn) {}
        return (value, waited)
    }

    private func grant(_ client: String, _ look: Look?) async throws -> Grant {
        lastID += 1
        let id = lastID
        return try await withTaskCancellationHandler {
            try Task.checkCancellation()
            return try await withCheckedThrowingContinuation { continuation in
                let job = Job(id: id, client: client, look: look, continuation)
                if waiting[client] == nil { clients.append(client) }
                waiting[client, default: []].append(job)
                if !isDraining {
                    isDraining = true
                    Task { await drain() }
                }
            }
        } onCancel: {
            Task { await abandon(id, client) }
        }
    }

    private func abandon(_ id: UInt64, _ client: String) {
        if let place = waiting[client]?.firstIndex(where: { $0.id == id }) {
            let job = waiting[client]?.remove(at: place)
            if waiting[client]?.isEmpty == true {
                waiting[client] = nil
                clients.removeAll { $0 == client }
            }
            job?.resume(.failure(CancellationError()))
        } else if let running, let job = running.jobs.first(where: { $0.id == id }) {
            job.resume(.failure(CancellationError()))
            if running.jobs.allSatisfy({ $0.continuation == nil }) { running.task?.cancel() }
        }
    }

    /// The next job: the first of the client whose turn it is.
    private func next() -> Job? {
        guard let client = clients.first else { return nil }
        return take(from: client)
    }

    private func take(from client: String) -> Job? {
        guard var jobs = waiting[client], !jobs.isEmpty else { return nil }
        let job = jobs.removeFirst()
        clients.removeAll { $0 == client }
        waiting[client] = jobs.isEmpty ? nil : jobs
        if !jobs.isEmpty { clients.append(client) }
        return job
    }

    /// Adds jobs that can be done with the first.
    private func fill(_ batch: inout [Job], _ key: BatchKey) {
        while batch.count < batchLimit,
            let client = clients.first(where: { waiting[$0]?.first?.look?.key == key }),
            let job = take(from: client)
        {
            batch.append(job)
        }
    }

    private func drain() async {
        while let job = next() {
            guard let look = job.look else {
                let waited = job.seconds
                metrics.add(stage: "queue", seconds: waited)
                await withCheckedContinuation { done in
                    job.resume(.success(.turn(Turn(done), waited: waited)))
                }
                continue
            }
            var batch = [job]
            if batchLimit > 1 {
                fill(&batch, look.key)
                if batch.count < batchLimit, batchSeconds > job.seconds {
                    // While it waits, it can be abandoned like one that runs.
                    running = (batch, nil)
                    try? await Task.sleep(for: .seconds(batchSeconds - job.seconds))
                    running = nil
                    fill(&batch, look.key)
                }
            }
            batch.removeAll { $0.continuation == nil }
            if !batch.isEmpty { await run(batch, look) }
        }
        isDraining = false
    }

    private func run(_ batch: [Job], _ look: Look) async {
        let waited = batch.map(\.seconds)
        let start = ContinuousClock.now
        // On a GPU the stages' ends would have to be waited for.
        let profile = look.detector.device.isProcessor ? StageProfile() : nil
        let prepared = batch.compactMap { $0.look?.prepared }
        let task = Task.detached {
            try await StageProfile.$current.withValue(profile) {
                try await look.detector.findings(
                    in: prepared, vocabulary: look.vocabulary.vocabulary, options: look.key.options)
            }
        }
        running = (batch, task)
        let result = await task.result
        running = nil
        let seconds = (ContinuousClock.now - start).seconds
        metrics.addBatch(of: batch.count, seconds: seconds)
        metrics.add(stage: "network", seconds: seconds)
        for (stage, seconds) in profile?.seconds ?? [] {
            metrics.add(stage: stage.rawValue, seconds: seconds)
        }
        switch result {
        case .success(let found):
            for (place, job) in batch.enumerated() {
                metrics.add(stage: "queue", seconds: waited[place])
                job.resume(
                    .success(
                        .found(
                            Found(
                                detections: found.detections[place], presences: found.presences?[place],
                                waited: waited[place], network: seconds))))
            }
        case .failure(let error): for job in batch { job.resume(.failure(error)) }
        }
    }
}

extension Duration {
    var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
