import Synchronization

/// Where the time of detection goes, stage by stage, added up over images.
public final class StageProfile: Sendable {
    /// A part of the work.
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
        /// Masks brought into images.
        case pasting
    }

    private let times = Mutex<[Stage: Duration]>([:])

    /// Nothing measured yet.
    public init() {}

    /// Runs `body` and adds its time to a stage.
    public static func measure<Value>(_ profile: StageProfile?, _ stage: Stage, _ body: () throws -> Value)
        rethrows
        -> Value
    {
        guard let profile else { return try body() }
        let clock = ContinuousClock()
        let start = clock.now
        defer {
            let elapsed = clock.now - start
            profile.times.withLock { $0[stage, default: .zero] += elapsed }
        }
        return try body()
    }

    /// The stages that took time, with their seconds, in order of the work.
    public var seconds: [(stage: Stage, seconds: Double)] {
        times.withLock { times in
            Stage.allCases.compactMap { stage in
                times[stage].map {
                    (stage, Double($0.components.seconds) + Double($0.components.attoseconds) * 1e-18)
                }
            }
        }
    }
}
