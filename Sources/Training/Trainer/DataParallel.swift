import FVLM
import Support
import Torch

/// A training that several processes do together: each has a share of every batch, and all have the same weights.
///
/// Process 0 writes checkpoints and logs and evaluates.
final class DataParallel {
    /// The processes.
    let group: ProcessGroup

    /// The elements of gradients that are sent together: 25 MB of `float32`.
    private static let bucket = 25 << 18

    private var announcements = 0

    init(_ group: ProcessGroup) { self.group = group }

    /// Whether this process writes and evaluates.
    var isFirst: Bool { group.rank == 0 }

    // MARK: Beginning

    /// Sends the values of process 0 to all, and makes sure that all train the same.
    /// - Parameters:
    ///   - description: Settings, data and position, which must be the same everywhere.
    /// - Throws: ``TrainingError`` that names processes with other settings; `ProcessGroupError`, `TorchError`.
    func begin(_ parameters: ParameterStore, _ others: [Tensor], description: String) throws {
        let first = try differing(description)
        guard first.isEmpty else { throw Self.difference(first, "other settings, data or checkpoints") }
        try withoutGradients {
            for tensor in try parameters.parameters.map({ try $0.value.detached() }) + others {
                let sent = try tensor.contiguous()
                try group.broadcast(sent).wait()
                if group.rank != 0 { try tensor.copyInPlace(sent) }
            }
        }
        let second = try differing(parameters.digest())
        guard second.isEmpty else { throw Self.difference(second, "other weights") }
    }

    private static func difference(_ ranks: [Int], _ what: String) -> TrainingError {
        TrainingError(
            "training",
            "process \(ranks.map(String.init).joined(separator: ", ")) has \(what) than process 0: start all with the same command and files"
        )
    }

    /// The processes whose text is not that of process 0.
    private func differing(_ text: String) throws -> [Int] {
        let digest = SHA256.hash(Array(text.utf8)).prefix(8).reduce(Int64(0)) { $0 << 8 | Int64($1) }
        let all = try group.gathered(Tensor([digest])).map { try $0.array(of: Int64.self) }
        return all.indices.filter { all[$0] != all[0] }
    }

    // MARK: Steps

    /// What all processes have found in a batch.
    struct Agreement {
        /// The sums of the terms of the loss.
        var terms: [Double]

        /// The processes with a term that is not finite.
        var broken: [Int]

        /// Whether one is asked to stop.
        var stops: Bool
    }

    /// Adds up the terms of the loss.
    /// - Throws: `ProcessGroupError`, `TorchError`.
    func agree(_ terms: [Double], stops: Bool) throws -> Agreement {
        let rows = try group.gathered(Tensor(terms + [stops ? 1 : 0])).map { try $0.array(of: Double.self) }
        return Agreement(
            terms: terms.indices.map { place in rows.reduce(0) { $0 + $1[place] } },
            broken: rows.indices.filter { !rows[$0].allSatisfy(\.isFinite) },
            stops: rows.contains { $0.last != 0 })
    }

    /// Puts the sum of all processes' gradients in the place of each one's own. A parameter without gradient in any of them
    /// stays without.
    /// - Throws: `ProcessGroupError`, `TorchError`.
    func reduceGradients(of parameters: [Parameter]) throws {
        try withoutGradients {
            let present = try Tensor(parameters.map { $0.grad == nil ? 0 : 1 } as [Float])
            try group.allReduce(present, .maximum).wait()
            let flags = try present.array(of: Float.self)
            let reduced = zip(parameters, flags).filter { $1 > 0 }.map(\.0)
            for parameter in reduced where parameter.grad == nil {
                try parameter.value.setGrad(parameter.value.detached().zerosLike())
            }
            var buckets: [[Tensor]] = []
            var filled = 0
            for gradient in reduced.compactMap(\.grad) {
                let isNew =
                    try buckets.isEmpty || filled + gradient.count > Self.bucket
                    || buckets[buckets.count - 1][0].dtype != gradient.dtype
                if isNew {
                    buckets.append([])
                    filled = 0
                }
                buckets[buckets.count - 1].append(gradient)
                filled += gradient.count
            }
            // All are on their way before the first is waited for.
            let sent = try buckets.map { bucket in
                let flat = try Tensor.cat(bucket.map { try $0.reshaped([-1]) })
                return (flat: flat, work: try group.allReduce(flat), gradients: bucket)
            }
            for (flat, work, gradients) in sent {
                try work.wait()
                var start = 0
                let parts = try gradients.map { gradient in
                    defer { start += gradient.count }
                    return try flat.narrowed(0, start: start, length: gradient.count).reshaped(gradient.shape)
                }
                try Tensor.copyInPlace(gradients, parts)
            }
        }
    }

    // MARK: What one does

    /// Ends a ``waitForFirst()`` of the others.
    /// - Throws: `ProcessGroupError`.
    func letOthersGoOn() throws {
        announcements += 1
        try group.announce("\(announcements)")
    }

    /// Waits for process 0, however long it takes, as long as it lives.
    /// - Throws: `ProcessGroupError` when process 0 has ended.
    func waitForFirst() throws {
        announcements += 1
        try group.wait(forWord: "\(announcements)", of: 0)
    }

    /// Tells the others why this process ends.
    func leave(_ error: any Error) {
        // Of two that fail for each other's sake neither has a reason of its own.
        if !(error is ProcessGroupError) { group.leave(error.oneLine) }
    }
}
