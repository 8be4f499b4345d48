import Hummingbird
import NIOCore
import Synchronization

/// What belongs to one request.
struct ServerContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel
    let record = RequestRecord()

    init(source: Source) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }
}

/// What is noted of a request while it is answered.
final class RequestRecord: Sendable {
    struct State: Sendable {
        var id = ""
        var route = "other"
        /// Whose turn it is in the queue: a digest of the token or the address.
        var client = ""
        var times: DetectionService.Times?
        /// What the request holds until it is answered.
        fileprivate var parts: [Budget.Part] = []
        /// Called when the body has been read.
        var onBody: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    var current: State { state.withLock { $0 } }

    func update(_ body: (inout sending State) -> Void) { state.withLock { body(&$0) } }

    /// The body has been read: the time to answer begins.
    func bodyWasRead() { state.withLock { $0.onBody }?() }

    func hold(_ part: Budget.Part) { state.withLock { $0.parts.append(part) } }
}
