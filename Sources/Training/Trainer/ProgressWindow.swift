import Evaluation

/// What happened since the last report.
struct ProgressWindow {
    var timing = TrainingProgress.Timing()
    var norms = RunningMean()
    var stepCount = 0

    private var order: [String] = []
    private var means: [String: RunningMean] = [:]
    private var total = RunningMean()
    private var imageCount = 0
    private let clock = ContinuousClock.now
    private var excluded = 0.0

    /// Adds the terms of a batch's loss, which are means over its images.
    mutating func add(_ terms: [NamedValue], images: Int) {
        for term in terms {
            if means[term.name] == nil { order.append(term.name) }
            means[term.name, default: RunningMean()].add(term.value, weight: Double(images))
        }
        total.add(terms.reduce(0) { $0 + $1.value }, weight: Double(images))
        imageCount += images
    }

    /// Leaves time out of ``TrainingProgress/imagesPerSecond``.
    mutating func exclude(seconds: Double) { excluded += seconds }

    func progress(
        step: Int, totalSteps: Int, epoch: Double, learningRate: Double, remainingSeconds: Double
    ) -> TrainingProgress {
        let seconds = max((ContinuousClock.now - clock).seconds - excluded, 1e-9)
        let steps = Double(max(stepCount, 1))
        return TrainingProgress(
            step: step, totalSteps: totalSteps, epoch: epoch,
            losses: order.map { NamedValue($0, means[$0]?.value ?? 0) }, loss: total.value,
            learningRate: learningRate, gradientNorm: norms.value,
            imagesPerSecond: Double(imageCount) / seconds,
            timing: .init(
                data: timing.data / steps, forward: timing.forward / steps,
                backward: timing.backward / steps, update: timing.update / steps),
            remainingSeconds: remainingSeconds)
    }
}

/// A mean over as many values as were added, however many that are.
struct RunningMean: Sendable, Hashable {
    private(set) var sum = 0.0
    private(set) var count = 0.0

    /// Adds a value that stands for `weight` single ones.
    mutating func add(_ value: Double, weight: Double = 1) {
        sum += value * weight
        count += weight
    }

    /// The mean; 0 when nothing was added.
    var value: Double { count > 0 ? sum / count : 0 }
}
