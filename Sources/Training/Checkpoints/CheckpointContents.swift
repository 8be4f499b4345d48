import WeightFiles

/// What a checkpoint is written from.
public struct CheckpointContents: Sendable {
    /// What is not a tensor.
    public var state: Checkpoint.State

    /// The configuration of the run, as text.
    public var configuration: String

    /// Weights and buffers.
    public var model: [StoredTensor]

    /// Their moving averages; empty when there are none.
    public var average: [StoredTensor]

    /// What the optimiser remembers.
    public var optimizer: [StoredTensor]

    /// The states of random streams.
    public var random: [StoredTensor]

    /// A checkpoint of its parts.
    public init(
        state: Checkpoint.State, configuration: String = "", model: [StoredTensor],
        average: [StoredTensor] = [], optimizer: [StoredTensor] = [], random: [StoredTensor] = []
    ) {
        self.state = state
        self.configuration = configuration
        self.model = model
        self.average = average
        self.optimizer = optimizer
        self.random = random
    }
}
