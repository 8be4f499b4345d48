import Torch
import WeightFiles

extension Trainer {
    /// Resumes from a checkpoint exactly, restoring weights, moving averages, optimizer, random streams, position in
    /// the data, and step.
    ///
    /// The continuation is bit-identical if the run is deterministic and libraries and threads are the same;
    /// differences are listed in the notes of ``TrainingStart``.
    /// - Throws: ``TrainingError`` if the checkpoint belongs to other data, another order or another network;
    ///   `WeightMismatch` for another optimizer; `WeightFileError`, `TorchError`. The trainer must not be used
    ///   afterwards.
    func resume(from checkpoint: Checkpoint) throws {
        let state = checkpoint.state
        guard state.dataFingerprint == source.fingerprint else {
            throw TrainingError(
                checkpoint.folder,
                "was made with another training set: images, annotations or classes differ. Start a new run from its weights instead"
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
                "was made with other files: \(others.sorted().joined(separator: " and ")) differ. Start a new run from its weights instead"
            )
        }
        if average != nil, try checkpoint.average() == nil {
            throw TrainingError(
                checkpoint.folder,
                "has no moving averages, which optimizer.averageDecay requires now; remove this setting")
        }
        try parameters.restore(checkpoint.model())
        try optimizer.load(state: checkpoint.optimizer())
        if let average, let stored = try checkpoint.average() {
            try average.load(stored, updates: state.averageUpdates)
        }
        let random = try checkpoint.random()
        try generator.restore(Tensor(random.tensor(named: "training")))
        try Generator.standard().restore(Tensor(random.tensor(named: "standard")))
        try restoreDevice(random)
        if let scaler, let scale = state.lossScale {
            scaler.restore(scale: scale.scale, stepsSinceChange: scale.stepsSinceChange)
        }
        loader = try ExampleLoader(
            source, options: .init(configuration, device: device, group: parallel?.group),
            position: state.position)
        step = state.step
        lastMetric = state.metric
        evaluatedStep = state.evaluatedStep
        notes += Self.versions.compactMap { name, value in
            let before = state.versions[name]
            return before == value ? nil : "\(name) was \(before ?? "unknown"), now it is \(value)"
        }.sorted()
        if let before = state.versions["device"], before != device.kind.rawValue {
            notes.append("it was made on \(before), now the network computes on \(device.kind.rawValue)")
        }
        if state.schedule != schedule { notes.append("the learning rate's schedule was changed") }
    }

    /// Restores the device's random number stream; the state of another kind of device is ignored.
    private func restoreDevice(_ random: Safetensors) throws {
        let name = Self.streamName(device)
        guard !device.isProcessor, random.keys.contains(name) else { return }
        try Generator.standard(for: device).restore(Tensor(random.tensor(named: name)))
    }

    private static func streamName(_ device: Device) -> String { "device \(device.kind.rawValue)" }

    /// The contents of a checkpoint of the current state.
    func contents() throws -> CheckpointContents {
        let state = Checkpoint.State(
            step: step, position: loader.position, dataFingerprint: source.fingerprint,
            seed: settings.seed, schedule: schedule, metric: lastMetric,
            evaluatedStep: evaluatedStep, identity: identity, averageUpdates: average?.updates ?? 0,
            lossScale: scaler.map { .init(scale: $0.scale, stepsSinceChange: $0.stepsSinceChange) },
            versions: Self.versions.merging(["device": device.kind.rawValue]) { own, _ in own })
        var random = [
            try generator.state().stored(named: "training"),
            try Generator.standard().state().stored(named: "standard"),
        ]
        if !device.isProcessor {
            random.append(
                try Generator.standard(for: device).state().stored(named: Self.streamName(device)))
        }
        return CheckpointContents(
            state: state, configuration: try configuration.yaml(),
            model: try parameters.stored(),
            average: try average?.stored() ?? [], optimizer: try optimizer.state(),
            random: random)
    }

    /// Everything that affects the last bits of results.
    private static var versions: [String: String] {
        [
            "libtorch": Runtime.version, "vector instructions": Runtime.cpuCapability,
            "threads": String(Runtime.threadCount),
        ]
    }
}

extension Trainer {
    /// Resumes from a PyTorch program's training state: weights, the optimizer's state, and the number of steps, which
    /// determines the position in the data. Moving averages and random streams start afresh; the learning-rate schedule
    /// is that of the options. Differences between the file and this training are listed in the notes of
    /// ``TrainingStart``.
    /// - Parameter keys: The possible names of a parameter of this network in the file.
    /// - Throws: ``TrainingError`` stating what does not fit: weights or state that are missing or of a different
    ///   shape, an unknown number of steps; `WeightMismatch` for the state of another optimizer; `WeightFileError`,
    ///   `TorchError`. The trainer must not be used afterwards.
    func resume(from checkpoint: PyTorchTrainingState, naming keys: (String) -> [String]) throws {
        let stored = Set(checkpoint.modelKeys)
        var names: [String: String] = [:]
        for parameter in parameters.parameters {
            if let key = keys(parameter.name).first(where: stored.contains) { names[key] = parameter.name }
        }
        let found = Set(names.values)
        // The programs that save such files have no learned temperature.
        let absent = parameters.parameters.map(\.name).filter {
            !found.contains($0) && ($0 == "temperature" || $0.hasSuffix(".temperature"))
        }
        let state = try optimizerState(checkpoint, names)
        let made = try steps(checkpoint, state)
        try parameters.restore(
            checkpoint.model { names[$0] }, omitting: { absent.contains($0.name) })
        try optimizer.load(state: state)
        try average?.load(StoredTensors(parameters.stored(), origin: checkpoint.path), updates: 0)
        let examples = made * imagesPerStep
        loader = try ExampleLoader(
            source, options: .init(configuration, device: device, group: parallel?.group),
            position: .init(epoch: examples / source.count, index: examples % source.count))
        step = made
        notes = ["resumes \(checkpoint.path) (epoch \(checkpoint.epoch) there) after step \(made)"]
        if !absent.isEmpty {
            notes.append("it has no \(absent.joined(separator: ", ")): learned from scratch")
        }
        let unused = checkpoint.modelKeys.filter { names[$0] == nil }
        if !unused.isEmpty {
            notes.append(
                "\(unused.count) of its weights are not used here: \(unused.prefix(4).joined(separator: ", "))"
                    + (unused.count > 4 ? ", …" : ""))
        }
        let stateless = optimizer.parameters.map(\.name).filter { name in
            !state.keys.contains { $0.hasSuffix("/\(name)") }
        }
        if !stateless.isEmpty {
            notes.append(
                "its optimizer has no state for \(stateless.count) parameters: \(stateless.prefix(4).joined(separator: ", "))"
                    + (stateless.count > 4 ? ", …" : ""))
        }
        if let seen = checkpoint.scheduleSteps, seen != made {
            notes.append("its schedule has seen \(seen) steps, its optimizer \(made)")
        }
        if let rate = checkpoint.learningRates.first, let own = optimizer.groups.first?.learningRate {
            let next = own * schedule.factor(at: made)
            if abs(rate - next) > 1e-3 * max(abs(rate), next) {
                notes.append("its learning rate was \(rate), here it continues with \(next)")
            }
        }
    }

    /// - Parameter names: This network's names of the file's parameters.
    private func optimizerState(_ checkpoint: PyTorchTrainingState, _ names: [String: String]) throws
        -> StoredTensors
    {
        let own = Set(optimizer.parameters.map(\.name))
        guard
            let keys = try checkpoint.optimizerKeys(isTrained: { names[$0].map(own.contains) ?? false }),
            let state = try checkpoint.optimizerState(parameters: keys.map { names[$0] }), !state.keys.isEmpty
        else {
            throw TrainingError(
                checkpoint.path,
                "contains no optimizer state for this network's parameters; start from the weights (run.initialWeights) instead"
            )
        }
        // Parameters that are frozen here are not trained; their state in the file is ignored.
        return try StoredTensors(
            state.keys.filter { own.contains(String($0.drop { $0 != "/" }.dropFirst())) }
                .map { try state.tensor(named: $0) }, origin: checkpoint.path)
    }

    /// The number of optimizer steps made.
    private func steps(_ checkpoint: PyTorchTrainingState, _ state: StoredTensors) throws -> Int {
        let counts = try state.keys.filter { $0.hasPrefix("step/") }.map {
            try Tensor(state.tensor(named: $0)).item()
        }
        let made: Int
        if let most = counts.max() {
            guard let whole = Int(exactly: most), whole >= 0 else {
                throw TrainingError(
                    checkpoint.path, "the optimizer has made \(most) steps, which is not a valid count")
            }
            made = whole
        } else if let seen = checkpoint.scheduleSteps, seen >= 0 {
            made = seen
        } else {
            throw TrainingError(
                checkpoint.path,
                "neither optimizer nor schedule states how many steps were made; start from the weights (run.initialWeights) instead"
            )
        }
        guard made < settings.steps else {
            throw TrainingError(
                checkpoint.path,
                "has made \(made) steps, but the run has only \(settings.steps): raise run.steps")
        }
        return made
    }
}
