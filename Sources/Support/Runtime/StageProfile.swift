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

    /// A device that works on while the program goes on.
    package struct AsynchronousDevice: Sendable {
        /// Waits until everything is done that was begun there.
        let synchronize: @Sendable () -> Void
        /// The most bytes that it has held since the last call; nil where they are not counted.
        let peakBytes: @Sendable () -> Int?

        /// A device of its parts.
        package init(
            synchronize: @escaping @Sendable () -> Void, peakBytes: @escaping @Sendable () -> Int?
        ) {
            self.synchronize = synchronize
            self.peakBytes = peakBytes
        }
    }

    private struct Cost {
        var time = Duration.zero
        var memory = 0
        var deviceMemory = 0
    }

    private let costs = Mutex<[Stage: Cost]>([:])
    private let device: AsynchronousDevice?

    /// Creates an empty profile.
    public init() { device = nil }

    /// Creates an empty profile of work on a device, which is synchronized at the end of every stage.
    package init(_ device: AsynchronousDevice) { self.device = device }

    /// Runs `body` and adds its time to a stage of the current profile.
    public static func measure<Value>(_ stage: Stage, _ body: () throws -> Value) rethrows -> Value {
        guard let current else { return try body() }
        let start = ContinuousClock.now
        defer {
            current.device?.synchronize()
            current.add(stage, ContinuousClock.now - start)
        }
        return try body()
    }

    /// Adds time to a stage, and records the memory that the process holds at its end.
    public func add(_ stage: Stage, _ time: Duration) {
        let memory = ProcessMemory.residentBytes ?? 0
        let deviceMemory = device?.peakBytes() ?? 0
        costs.withLock { costs in
            var cost = costs[stage] ?? Cost()
            cost.time += time
            cost.memory = max(cost.memory, memory)
            cost.deviceMemory = max(cost.deviceMemory, deviceMemory)
            costs[stage] = cost
        }
    }

    /// The most bytes that the device held in each stage; empty without a device that counts them.
    package var deviceBytes: [Stage: Int] {
        costs.withLock { costs in costs.mapValues(\.deviceMemory).filter { $0.value > 0 } }
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
