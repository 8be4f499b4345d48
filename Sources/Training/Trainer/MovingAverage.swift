import Torch
import WeightFiles

/// Exponential moving averages of weights, which often score better than the weights themselves.
///
/// average = decay * average + (1 - decay) * weight, with decay at most (1 + n) / (10 + n) at the n-th update, so that
/// initial values are forgotten quickly. Running statistics of norms are not averaged: they already are averages.
final class MovingAverage {
    /// The fraction of the old average that an update keeps.
    let decay: Double

    /// The number of updates so far.
    private(set) var updates = 0

    private let entries: [(parameter: Parameter, average: Tensor)]

    /// The averages.
    var tensors: [Tensor] { entries.map(\.average) }

    /// Creates averages of the trainable weights, starting with their values.
    /// - Throws: `TorchError` if a weight has no value.
    init(of store: ParameterStore, decay: Double) throws {
        self.decay = decay
        entries = try store.trainableParameters.map { ($0, try $0.value.detached().clone()) }
    }

    /// Updates the averages with the current weights.
    /// - Throws: `TorchError`.
    func update() throws {
        let kept = min(decay, Double(1 + updates) / Double(10 + updates))
        updates += 1
        try withoutGradients {
            let averages = entries.map(\.average)
            try Tensor.multiplyInPlace(averages, kept)
            try Tensor.addInPlace(
                averages, entries.map { try $0.parameter.value.detached() }, times: 1 - kept)
        }
    }

    /// Runs `body` with the averages in place of the weights.
    /// - Throws: The errors of `body`; `TorchError`.
    func applied<Result>(_ body: () throws -> Result) throws -> Result {
        try exchange()
        let result: Result
        do { result = try body() } catch {
            try exchange()
            throw error
        }
        try exchange()
        return result
    }

    private func exchange() throws {
        try withoutGradients {
            let weights = try entries.map { try $0.parameter.value.detached() }
            let (averages, kept) = (entries.map(\.average), try weights.map { try $0.clone() })
            try Tensor.copyInPlace(weights, averages)
            try Tensor.copyInPlace(averages, kept)
        }
    }

    /// The averages, by the parameters' names.
    /// - Throws: `TorchError`.
    func stored() throws -> [StoredTensor] {
        try entries.map { try $0.average.stored(named: $0.parameter.name) }
    }

    /// Restores averages returned by ``stored()``.
    /// - Throws: ``TrainingError`` unless every weight has an average of the right shape; `WeightFileError`.
    func load(_ source: some WeightSource, updates: Int) throws {
        let tensors = try entries.map { parameter, _ in
            let stored = try source.tensor(named: parameter.name)
            guard stored.shape == parameter.shape else {
                throw TrainingError(
                    source.origin, "\(parameter.name) is \(stored.shape), expected \(parameter.shape)")
            }
            return try Tensor(stored)
        }
        try withoutGradients {
            for (entry, tensor) in zip(entries, tensors) { try entry.average.copyInPlace(tensor) }
        }
        self.updates = updates
    }
}
