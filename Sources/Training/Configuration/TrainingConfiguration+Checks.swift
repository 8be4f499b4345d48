import FVLM

extension TrainingConfiguration {
    /// Validates every setting in a file.
    /// - Throws: `ConfigurationError` with the key.
    func validate() throws {
        do { try detector.validate() } catch let error as ConfigurationError {
            throw ConfigurationError(
                origin: error.origin, line: error.line,
                key: error.key.isEmpty ? "detector" : "detector." + error.key,
                reason: error.reason)
        }
        try checkData()
        try validateSteps()
    }

    /// Validates the settings that a trainer uses: all except those of the detector and the data.
    /// - Throws: `ConfigurationError` with the key.
    func validateSteps() throws {
        try checkOptimizer()
        try checkRun()
    }

    private func require(_ isRight: Bool, _ key: String, _ reason: String) throws {
        guard isRight else { throw ConfigurationError(key: key, reason: reason) }
    }

    private func require<Value: Comparable>(_ value: Value, in range: ClosedRange<Value>, _ key: String)
        throws
    {
        try require(
            range.contains(value), key,
            "must be from \(range.lowerBound) to \(range.upperBound), not \(value)")
    }

    private func requireShare(_ value: Double, _ key: String) throws { try require(value, in: 0...1, key) }

    private func checkData() throws {
        try require(
            !data.annotations.isEmpty, "data.annotations", "is missing: the annotation file to train on")
        try require(!data.images.isEmpty, "data.images", "is missing: the folder of the pictures")
        try require(
            (data.validationAnnotations == nil) == (data.validationImages == nil), "data.validationImages",
            "goes together with data.validationAnnotations")
        try require(data.batchSize, in: 1...65_536, "data.batchSize")
        try require(data.workers, in: 0...256, "data.workers")
        try require(
            data.jitter.count == 2 && data.jitter[0] > 0 && data.jitter[0] <= data.jitter[1]
                && data.jitter[1] <= 100, "data.jitter", "must be two scales above 0, the smaller first")
        try require(
            data.sizes?.allSatisfy { (1...16384).contains($0) } ?? true, "data.sizes",
            "must be from 1 to 16384")
        try require(
            data.variation != .resize || data.sizes?.isEmpty == false, "data.sizes",
            "is missing: the sizes that data.variation=resize draws from")
        try require(
            data.classes.map { Set($0).count == $0.count && !$0.isEmpty } ?? true, "data.classes",
            "must be names, each once")
        let colors = data.colors
        try require(
            [colors.brightness, colors.contrast, colors.saturation].allSatisfy { (0...1).contains($0) },
            "data.colors", "brightness, contrast and saturation must be from 0 to 1")
        try require(colors.hue, in: 0...0.5, "data.colors.hue")
        if let views = data.views { try require(views, in: 1...10_000, "data.views") }
        try require(
            data.cache == nil || data.views != nil, "data.views",
            "must be the number of views that the cache was made with")
        try requireShare(data.faultLimit, "data.faultLimit")
    }

    private func checkOptimizer() throws {
        try require(
            optimizer.learningRate > 0 && optimizer.learningRate <= 1000, "optimizer.learningRate",
            "must be above 0 and at most 1000, not \(optimizer.learningRate)")
        try require(
            (0..<1).contains(optimizer.momentum), "optimizer.momentum",
            "must be from 0 to below 1, not \(optimizer.momentum)")
        try require(optimizer.weightDecay, in: 0...1, "optimizer.weightDecay")
        if let bound = optimizer.clipNorm {
            try require(
                bound > 0 && bound.isFinite, "optimizer.clipNorm", "must be above 0, or null for no bound")
        }
        try require(optimizer.warmupSteps, in: 0...1_000_000_000, "optimizer.warmupSteps")
        try requireShare(optimizer.warmupFactor, "optimizer.warmupFactor")
        try requireShare(optimizer.minimumRatio, "optimizer.minimumRatio")
        try require(
            optimizer.milestones.allSatisfy { (0...1).contains($0) }
                && optimizer.milestones == optimizer.milestones.sorted(), "optimizer.milestones",
            "must be shares of the run, from 0 to 1, rising")
        try require(
            optimizer.decayFactor > 0 && optimizer.decayFactor <= 1, "optimizer.decayFactor",
            "must be above 0 and at most 1, not \(optimizer.decayFactor)")
        if let decay = optimizer.averageDecay {
            try require(
                (0..<1).contains(decay), "optimizer.averageDecay", "must be from 0 to below 1, not \(decay)")
        }
        for (path, factor) in optimizer.grouping.learningRateFactors {
            try require(
                factor >= 0 && factor.isFinite, "optimizer.grouping.learningRateFactors",
                "must be from 0 on, not \(factor) for '\(path)'")
        }
    }

    private func checkRun() throws {
        try require(run.steps, in: 1...1_000_000_000, "run.steps")
        try require(run.accumulation, in: 1...65_536, "run.accumulation")
        try require(run.reportInterval, in: 1...1_000_000_000, "run.reportInterval")
        for (interval, key) in [
            (run.evaluationInterval, "run.evaluationInterval"),
            (run.checkpointInterval, "run.checkpointInterval"),
        ] {
            if let interval { try require(interval, in: 1...1_000_000_000, key) }
        }
        if let minutes = run.checkpointMinutes {
            try require(
                minutes > 0 && minutes <= 1_000_000, "run.checkpointMinutes",
                "must be above 0, or null for none, not \(minutes)")
        }
        try require(run.keepsLast, in: 1...1_000_000, "run.keepsLast")
        try require(
            run.processLimit >= 1 && run.processLimit <= 1_000_000, "run.processLimit",
            "must be from 1 to 1000000, not \(run.processLimit)")
    }
}
