import Synchronization

/// The time and memory of detection and training by stage, summed over images.
///
/// The work reports to the profile that is current in its task: `StageProfile.$current.withValue(profile) { ... }`.
public final class StageProfile: Sendable {
    /// A stage of the work.
    public enum Stage: String, Sendable, CaseIterable {
        /// Reading and resizing images.
        case decoding
        /// The frozen trunk.
        case trunk
        /// Adapter and pyramid.
        case pyramid
        /// Proposals.
        case proposals
        /// Pooling and the box head.
        case boxHead = "box head"
        /// Region scores.
        case scoring
        /// Decoding of boxes and suppression.
        case suppression
        /// Pooling and the mask head.
        case masks
        /// Masks pasted into images.
        case pasting
        /// The gradients of a training step.
        case backward
        /// The optimizer.
        case update
    }

    /// The profile of the current task; nil measures nothing.
    @TaskLocal public static var current: StageProfile?

    private struct Cost {
        var time = Duration.zero
        var memory = 0
    }

    private let costs = Mutex<[Stage: Cost]>([:])

    /// Creates an empty profile.
    public init() {}

    /// Runs `body` and adds its time to a stage of the current profile.
    public static func measure<Value>(_ stage: Stage, _ body: () throws -> Value) rethrows -> Value {
        guard let current else { return try body() }
        let start = ContinuousClock.now
        defer { current.add(stage, ContinuousClock.now - start) }
        return try body()
    }

    /// Adds time to a stage, and records the memory that the process holds at its end.
    public func add(_ stage: Stage, _ time: Duration) {
        let memory = ProcessMemory.residentBytes ?? 0
        costs.withLock { costs in
            var cost = costs[stage] ?? Cost()
            cost.time += time
            cost.memory = max(cost.memory, memory)
            costs[stage] = cost
        }
    }

    /// Discards all measurements.
    public func reset() { costs.withLock { $0 = [:] } }

    /// The stages that took time, with their seconds, in order of the work.
    public var seconds: [(stage: Stage, seconds: Double)] {
        stages.map { (stage: $0.stage, seconds: $0.seconds) }
    }

    /// The stages that took time, with their seconds and the largest number of bytes that the process held at the end
    /// of one, in order of the work; 0 bytes if the system does not report them.
    public var stages: [(stage: Stage, seconds: Double, bytes: Int)] {
        costs.withLock { costs in
            Stage.allCases.compactMap { stage in
                costs[stage].map { cost in
                    let parts = cost.time.components
                    return (stage, Double(parts.seconds) + Double(parts.attoseconds) * 1e-18, cost.memory)
                }
            }
        }
    }
}
