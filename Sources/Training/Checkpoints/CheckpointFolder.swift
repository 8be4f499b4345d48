import Foundation
import Support
import WeightFiles

/// The checkpoints of a run: folders `step-000123` in a parent that is created with the first. The latest few and the
/// best are kept.
///
/// A checkpoint is written under a temporary name, flushed to disk and then renamed: a folder with the final name is
/// complete, and earlier ones are unchanged.
struct CheckpointFolder: Sendable {
    /// Which checkpoints are kept.
    struct Retention: Sendable, Hashable {
        /// How many of the latest are kept.
        var last = 3

        /// How many of those with the best metric are kept in addition.
        var best = 1

        /// Whether a higher metric is better.
        var higherIsBetter = true
    }

    /// The folder that holds the checkpoints.
    let path: String

    /// Which checkpoints are kept.
    var retention = Retention()

    /// The name of the checkpoint at a step.
    static func name(step: Int) -> String {
        let digits = String(max(step, 0))
        return "step-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    }

    /// The steps of the checkpoints, earliest first.
    /// - Throws: ``TrainingError`` if the folder cannot be listed; a missing folder has no checkpoints.
    func steps() throws -> [Int] {
        guard FileStatus(path) != nil else { return [] }
        return try Folder.names(in: path).compactMap { name in
            guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)) else { return nil }
            return Self.name(step: step) == name ? step : nil
        }.sorted()
    }

    /// The checkpoint at a step.
    /// - Throws: ``TrainingError`` if it does not exist or cannot be read.
    func checkpoint(step: Int) throws -> Checkpoint {
        try Checkpoint(folder: "\(path)/\(Self.name(step: step))")
    }

    /// The latest checkpoint; nil if there is none.
    /// - Throws: The errors of ``checkpoint(step:)``.
    func latest() throws -> Checkpoint? { try steps().last.map(checkpoint) }

    /// The checkpoint with the best metric, the earliest of equals; nil if none has a metric.
    /// - Throws: The errors of ``checkpoint(step:)``.
    func best() throws -> Checkpoint? { try ranked().first }

    private func ranked() throws -> [Checkpoint] {
        let rated = try steps().map(checkpoint).compactMap { checkpoint in
            checkpoint.state.metric.flatMap { $0.isFinite ? (checkpoint, $0) : nil }
        }
        return rated.sorted {
            $0.1 == $1.1
                ? $0.0.state.step < $1.0.state.step : ($0.1 > $1.1) == retention.higherIsBetter
        }.map(\.0)
    }

    // MARK: Writing

    /// Writes a checkpoint, then removes those not retained.
    /// - Returns: Its folder.
    /// - Throws: ``TrainingError`` if it cannot be written, for example on a full disk: earlier checkpoints are then
    ///   unchanged and nothing else is left behind.
    @discardableResult
    func write(_ contents: CheckpointContents) throws -> String {
        let final = "\(path)/\(Self.name(step: contents.state.step))"
        let temporary = "\(path)/.writing-\(Self.name(step: contents.state.step))"
        do {
            try Folder.remove(temporary)
            try Folder.make(temporary)
            try write(contents, into: temporary)
            Folder.flush(temporary)
            try replace(final, by: temporary)
        } catch {
            try? Folder.remove(temporary)
            let earlier: String
            do {
                earlier =
                    try steps().last.map { "\(Self.name(step: $0)) is intact" } ?? "there is no earlier one"
            } catch { earlier = "earlier ones cannot be listed" }
            throw TrainingError(final, "the checkpoint was not written (\(earlier)): \(error.oneLine)")
        }
        try removeSuperfluous()
        return final
    }

    /// Adds the metric of an evaluation to an existing checkpoint, then removes those not retained.
    /// - Throws: ``TrainingError`` if it cannot be written.
    func rate(step: Int, metric: Double?) throws {
        let checkpoint = try checkpoint(step: step)
        var state = checkpoint.state
        state.metric = metric
        state.evaluatedStep = step
        try AtomicFile.write(Self.encoded(state), to: "\(checkpoint.folder)/\(Checkpoint.File.state)")
        try removeSuperfluous()
    }

    private static func encoded(_ state: Checkpoint.State) throws -> [UInt8] {
        Array(try JSONText.document(state, keepsNonFinite: true).utf8)
    }

    private func write(_ contents: CheckpointContents, into folder: String) throws {
        let step = ["step": String(contents.state.step)]
        func write(_ tensors: [StoredTensor], _ name: String) throws {
            try Safetensors.write(tensors, metadata: step, to: "\(folder)/\(name)")
        }
        try write(contents.model, Checkpoint.File.model)
        if !contents.average.isEmpty { try write(contents.average, Checkpoint.File.average) }
        try write(contents.optimizer, Checkpoint.File.optimizer)
        try write(contents.random, Checkpoint.File.random)
        try AtomicFile.write(contents.configuration, to: "\(folder)/\(Checkpoint.File.configuration)")
        // Last, since a folder with this file counts as a checkpoint.
        try AtomicFile.write(Self.encoded(contents.state), to: "\(folder)/\(Checkpoint.File.state)")
    }

    /// Moves a complete folder into place, replacing an existing one.
    private func replace(_ final: String, by folder: String) throws {
        if FileStatus(final) == nil {
            try Folder.move(folder, to: final)
        } else {
            let aside = "\(path)/.removing-\(Path.name(final))"
            try Folder.remove(aside)
            try Folder.move(final, to: aside)
            do { try Folder.move(folder, to: final) } catch {
                try? Folder.move(aside, to: final)
                throw error
            }
            try Folder.remove(aside)
        }
        Folder.flush(path)
    }

    /// Removes checkpoints not covered by ``retention``, and incomplete folders of an interrupted run.
    /// - Throws: ``TrainingError`` if something cannot be removed.
    func removeSuperfluous() throws {
        let steps = try steps()
        var kept = Set(steps.suffix(max(retention.last, 1)))
        if retention.best > 0 { kept.formUnion(try ranked().prefix(retention.best).map(\.state.step)) }
        for step in steps where !kept.contains(step) {
            let name = Self.name(step: step)
            // Renamed first, so that an incomplete folder is never mistaken for a checkpoint.
            try Folder.move("\(path)/\(name)", to: "\(path)/.removing-\(name)")
        }
        for name in try Folder.names(in: path)
        where name.hasPrefix(".removing-step-") || name.hasPrefix(".writing-step-") {
            try Folder.remove("\(path)/\(name)")
        }
    }
}
