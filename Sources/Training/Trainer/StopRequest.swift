import Synchronization

/// Asks a training to end after the current step, from any thread or signal handler.
public final class StopRequest: Sendable {
    private let flag = Atomic<Bool>(false)

    /// A request that is not made yet.
    public init() {}

    /// Whether the training is to end.
    public var isMade: Bool { flag.load(ordering: .relaxed) }

    /// Asks the training to end. A checkpoint is written then.
    public func make() { flag.store(true, ordering: .relaxed) }
}
