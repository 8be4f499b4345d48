import Torch
import WeightFiles

extension Trainer {
    /// Resumes from a checkpoint exactly: weights, moving averages, optimiser, random streams, place in
    /// the data and step are what they were.
    ///
    /// Bit for bit when the run is deterministic and libraries and threads are the same; what differs is among the notes
    /// of ``TrainingStart``.
    /// - Throws: ``TrainingError`` when the checkpoint belongs to other data, another order or another network;
    ///   `WeightMismatch` for another optimiser; `WeightFileError`, `TorchError`. The trainer must not be used then.
    func resume(from checkpoint: Checkpoint) throws {
        let state = checkpoint.state
        guard state.dataFingerprint == source.fingerprint else {
            throw TrainingError(
                checkpoint.folder,
                "was made with another training set: images, annotations or classes differ. Begin a new run from its weights instead"
            )
        }
        guard state.seed == settings.seed else {
            throw TrainingError(
                checkpoint.folder,
                "was made with seed \(state.seed), now it is \(settings.seed): the order of the data differs"
            )
        }
        let others = identity.keys.filter { name in
            state.identity?[name].map { $0 != identity[name] } ?? false
        }
        guard others.isEmpty else {
            throw TrainingError(
                checkpoint.folder,
                "was made with other files: \(others.sorted().joined(separator: " and ")) differ. Begin a new run from its weights instead"
            )
        }
        if average != nil, try checkpoint.average() == nil {
            throw TrainingError(
                checkpoint.folder,
                "has no moving averages, which optimizer.averageDecay asks for now; leave it out")
        }
        try parameters.restore(checkpoint.model())
        try optimizer.load(state: checkpoint.optimizer())
        if let average, let stored = try checkpoint.average() {
            try average.load(stored, updates: state.averageUpdates)
        }
        let random = try checkpoint.random()
        try generator.restore(Tensor(random.tensor(named: "training")))
        try Generator.standard().restore(Tensor(random.tensor(named: "standard")))
        loader = try ExampleLoader(source, options: .init(configuration), position: state.position)
        step = state.step
        lastMetric = state.metric
        evaluatedStep = state.evaluatedStep
        notes = Self.versions.compactMap { name, value in
            let before = state.versions[name]
            return before == value ? nil : "\(name) was \(before ?? "unknown"), now it is \(value)"
        }.sorted()
        if state.schedule != schedule { notes.append("the learning rate's schedule was changed") }
    }

    /// What a checkpoint of the present moment holds.
    func contents() throws -> CheckpointContents {
        let state = Checkpoint.State(
            step: step, position: loader.position, dataFingerprint: source.fingerprint,
            seed: settings.seed, schedule: schedule, metric: lastMetric,
            evaluatedStep: evaluatedStep, identity: identity, averageUpdates: average?.updates ?? 0,
            versions: Self.versions)
        return CheckpointContents(
            state: state, configuration: try configuration.yaml(),
            model: try parameters.stored(),
            average: try average?.stored() ?? [], optimizer: try optimizer.state(),
            random: [
                try generator.state().stored(named: "training"),
                try Generator.standard().state().stored(named: "standard"),
            ])
    }

    /// What the last bits of results depend on.
    private static var versions: [String: String] {
        [
            "libtorch": Runtime.version, "vector instructions": Runtime.cpuCapability,
            "threads": String(Runtime.threadCount),
        ]
    }
}
