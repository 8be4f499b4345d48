import Support

/// The factor of the learning rate, step by step: a warm-up followed by a decay.
///
/// Past the last step the factor is constant.
public struct LearningRateSchedule: Sendable, Hashable, Codable {
    /// A linear rise at the beginning.
    public struct Warmup: Sendable, Hashable, Codable {
        /// The number of steps; from this step on the factor is that of the decay.
        public var steps: Int

        /// The factor at step 0, relative to the factor at the end of the warm-up.
        public var startFactor: Double

        /// Creates a warm-up of `steps` steps from `startFactor`.
        public init(steps: Int, startFactor: Double = 0) {
            self.steps = steps
            self.startFactor = startFactor
        }
    }

    /// The schedule after the warm-up.
    public enum Decay: Sendable, Hashable, Codable {
        /// No decay.
        case constant
        /// At each of the given steps, counted from the start of training, multiplies the factor by `factor`.
        case steps(at: [Int], factor: Double)
        /// Half a cosine from 1 at the end of the warm-up to `minimumRatio` at `totalSteps`.
        case cosine(totalSteps: Int, minimumRatio: Double)
        /// (1 - progress)^power from 1 at the end of the warm-up to `minimumRatio` at `totalSteps`.
        case polynomial(totalSteps: Int, power: Double, minimumRatio: Double)
    }

    /// The warm-up, if there is one.
    public var warmup: Warmup?

    /// The decay after the warm-up.
    public var decay: Decay

    private init() { decay = .constant }

    /// Creates a schedule.
    /// - Throws: ``TorchError`` naming a count or factor out of range.
    public init(warmup: Warmup? = nil, decay: Decay = .constant) throws {
        self.warmup = warmup
        self.decay = decay
        try check()
    }

    /// Checks that no factor makes a rate negative or lets it grow without bound.
    private func check() throws {
        let subject = "LearningRateSchedule"
        func steps(_ count: Int, _ name: String) throws {
            guard count >= 0 else {
                throw TorchError(subject, reason: "the \(name) are \(count); they must be at least 0")
            }
        }
        if let warmup {
            try steps(warmup.steps, "steps of the warm-up")
            try RateRange.upToOne.check(warmup.startFactor, "first factor of the warm-up", of: subject)
        }
        switch decay {
        case .constant: break
        case .steps(let milestones, let factor):
            if let least = milestones.min() { try steps(least, "steps of a decay") }
            try RateRange.upToOne.check(factor, "factor of the decay", of: subject)
        case .cosine(let totalSteps, let minimumRatio):
            try steps(totalSteps, "total steps")
            try RateRange.upToOne.check(minimumRatio, "minimum ratio", of: subject)
        case .polynomial(let totalSteps, let power, let minimumRatio):
            try steps(totalSteps, "total steps")
            try RateRange.notNegative.check(power, "power of the decay", of: subject)
            try RateRange.upToOne.check(minimumRatio, "minimum ratio", of: subject)
        }
    }

    /// The same factor at every step.
    public static let constant = LearningRateSchedule()

    /// A linear rise from zero, then half a cosine down to `minimumRatio`.
    /// - Throws: ``TorchError`` naming a count or factor out of range.
    public static func warmupCosine(warmupSteps: Int, totalSteps: Int, minimumRatio: Double = 0.1) throws
        -> Self
    {
        try LearningRateSchedule(
            warmup: Warmup(steps: warmupSteps),
            decay: .cosine(totalSteps: totalSteps, minimumRatio: minimumRatio))
    }

    /// The factor at a step, counted from 0.
    public func factor(at step: Int) -> Double {
        let step = max(step, 0)
        let warmupSteps = warmup?.steps ?? 0
        if let warmup, step < warmup.steps {
            let progress = Double(step) / Double(max(warmup.steps, 1))
            let target = decayed(at: warmupSteps, warmupSteps)
            return target * (warmup.startFactor + (1 - warmup.startFactor) * progress)
        }
        return decayed(at: step, warmupSteps)
    }

    private func decayed(at step: Int, _ warmupSteps: Int) -> Double {
        // Clamped: past the end a cosine would rise again.
        func progress(_ totalSteps: Int) -> Double {
            min(max(Double(step - warmupSteps) / Double(max(totalSteps - warmupSteps, 1)), 0), 1)
        }
        switch decay {
        case .constant: return 1
        case .steps(let milestones, let factor):
            return pow(factor, Double(milestones.count { $0 <= step }))
        case .cosine(let totalSteps, let minimum):
            return minimum + (1 - minimum) * 0.5 * (1 + cos(.pi * progress(totalSteps)))
        case .polynomial(let totalSteps, let power, let minimum):
            return minimum + (1 - minimum) * pow(1 - progress(totalSteps), power)
        }
    }
}
