import FVLM

/// Where an ``ExampleLoader`` takes examples from.
protocol ExampleSource: Sendable {
    /// The number of examples.
    var count: Int { get }

    /// What the examples are, for example a hash of their ids: a run is only resumed on the same ones.
    var fingerprint: String { get }

    /// The records of the source that cannot be used.
    var faults: DataFaults { get }

    /// One example. Called from several threads at once; equal arguments give equal examples.
    /// - Parameters:
    ///   - row: From 0 up to, not including, ``count``.
    ///   - view: Which variation: the epoch, or a number below the loader's fixed number of views.
    ///   - random: Where chance comes from; follows from seed, view and row.
    /// - Throws: What keeps the example from being made.
    func example(at row: Int, view: Int, random: inout RandomStream) throws -> TrainingExample
}

extension ExampleSource {
    /// None: all records can be used.
    var faults: DataFaults { DataFaults() }
}
