import Evaluation
import FVLM
import Torch

extension Trainer {
    /// Makes one optimizer step from the accumulated batches.
    func makeStep() throws {
        let parameters = optimizer.parameters
        // Kept for error reports; the pixels of a step fit in memory.
        var examples: [TrainingExample] = []
        var terms: [NamedValue] = []
        for _ in 0..<settings.accumulation {
            let batch = try loader.nextBatch()
            window.timing.data += loader.waitingTime
            examples += batch
            let state = try generator.state()
            let losses = try measured(\.forward) { try forward(batch) }
            terms = losses.map { NamedValue($0.name, $0.number) }
            let agreement = try parallel?.agree(terms.map(\.value), stops: stopRequest.isMade)
            if let bad = terms.first(where: { !$0.value.isFinite }) {
                throw nonFinite(
                    bad.name, terms, examples, try culprits(batch, state), parameters: [])
            }
            if let agreement {
                guard agreement.broken.isEmpty else {
                    let ranks = agreement.broken.map(String.init).joined(separator: ", ")
                    throw ProcessGroupError(
                        "step \(step)",
                        reason: "the loss of process \(ranks) is not finite; what it says names the images",
                        missing: agreement.broken)
                }
                terms = zip(terms, agreement.terms).map { NamedValue($0.name, $1) }
                isAgreedToStop = isAgreedToStop || agreement.stops
            }
            window.add(terms, images: parallel == nil ? batch.count : configuration.data.batchSize)
            try measured(\.backward) {
                let total = try losses.dropFirst().reduce(losses[0].value) { try $0 + $1.value }
                let mean =
                    try settings.accumulation == 1 ? total : total * (1 / Double(settings.accumulation))
                try (scaler.map { try $0.scaled(mean) } ?? mean).backward()
            }
        }
        try measured(\.update) {
            try parallel?.reduceGradients(of: parameters)
            try scaler?.unscale(parameters.compactMap(\.grad))
            let norm = try gradientNorm(of: parameters).item()
            // With a scale that was too large the step is left out, and the scale is lowered.
            let isLeftOut = try scaler.map { try $0.update(norm: norm) } ?? false
            guard norm.isFinite || isLeftOut else {
                throw nonFinite(
                    nil, terms, examples, [],
                    parameters: try parametersWithBrokenGradients(parameters).map(\.name))
            }
            if isLeftOut {
                try optimizer.clearGradients()
                step += 1
                return
            }
            if let bound = configuration.optimizer.clipNorm {
                try clipGradients(of: parameters, maximumNorm: bound, knownNorm: norm)
            }
            try optimizer.step(learningRateFactor: schedule.factor(at: step))
            try optimizer.clearGradients()
            step += 1
            try average?.update()
            window.norms.add(norm)
            recentNorms = Array((recentNorms + [norm]).suffix(8))
        }
        window.stepCount += 1
    }

    /// Adds the duration of `body` to a part of the report's timing.
    private func measured<Result>(
        _ part: WritableKeyPath<TrainingProgress.Timing, Double>, _ body: () throws -> Result
    ) throws -> Result {
        let start = ContinuousClock.now
        let result = try body()
        if isMeasuredExactly { try device.synchronize() }
        window.timing[keyPath: part] += (ContinuousClock.now - start).seconds
        return result
    }

    private struct Term {
        let name: String
        let value: Tensor
        let number: Double
    }

    /// - Parameter isShared: Whether other processes have other parts of the batch.
    private func forward(_ batch: [TrainingExample], isShared: Bool = true) throws -> [Term] {
        let losses = try SharedBatch.$group.withValue(isShared ? parallel?.group : nil) {
            try withAutocast(settings.precision.autocast, device: device.kind) {
                try self.losses(batch, generator)
            }
        }
        guard !losses.isEmpty else { throw TrainingError("training", "there are no terms of a loss") }
        let numbers = try Tensor.stack(losses.map { try $0.value.detached().to(.float32) })
            .array(of: Double.self)
        return zip(losses, numbers).map { Term(name: $0.name, value: $0.value, number: $1) }
    }

    // MARK: Faults

    /// The images of a batch whose individual loss is not finite.
    private func culprits(_ batch: [TrainingExample], _ state: Tensor) throws -> [Int64] {
        try withoutGradients {
            try batch.filter { example in
                try generator.restore(state)
                let terms = try forward([example], isShared: false)
                return terms.contains { !$0.number.isFinite }
            }.map(\.imageID)
        }
    }

    private func nonFinite(
        _ term: String?, _ losses: [NamedValue], _ batches: [TrainingExample], _ culprits: [Int64],
        parameters: [String]
    ) -> NonFiniteLossError {
        NonFiniteLossError(
            step: step, term: term, losses: losses, imageIDs: batches.map(\.imageID), culprits: culprits,
            parameters: parameters, gradientNorms: recentNorms, process: parallel?.group.rank)
    }
}
