import CLIP
import FVLM
import Support

/// Why a request is not answered as it was asked: a status of HTTP and a sentence.
struct RequestFault: Error, Hashable {
    /// The status of HTTP.
    let status: Int
    /// What is wrong and what to do, for the client.
    let reason: String
    /// After how many seconds to ask again.
    var retrySeconds: Int?
    /// What metrics count; nil where nothing was refused for want of room or time.
    var refusal: Refusal?
    /// Whether the reason stands in the log, too: what the server's owner can mend, and its client may never see. Such a reason
    /// has nothing of what the client sent but a host's name.
    var isForOwner = false

    /// Why work was refused.
    enum Refusal: String, CaseIterable {
        case queue
        case memory
        case deadline
        case loading
        case draining
        case token
        case left
    }

    init(_ status: Int, _ reason: String, retrySeconds: Int? = nil, refusal: Refusal? = nil) {
        self.status = status
        self.reason = reason
        self.retrySeconds = retrySeconds
        self.refusal = refusal
    }

    /// A picture that cannot be fetched from where it is.
    static func fetching(_ status: Int, _ reason: String) -> RequestFault {
        var fault = RequestFault(status, reason)
        fault.isForOwner = true
        return fault
    }

    /// A request that makes no sense.
    static func bad(_ reason: String) -> RequestFault { RequestFault(400, reason) }

    /// What an error of the work is to the client.
    init(_ error: any Error) {
        switch error {
        case let fault as RequestFault: self = fault
        case is CancellationError: self.init(499, "the client has gone", refusal: .left)
        case let error as ImagingError:
            self.init(error.reason.contains("exceed") ? 413 : 400, "\(error)")
        case let error as FileFailure:
            self.init(503, "cannot be kept: \(error.reason)", retrySeconds: 60)
        case let error as CLIPError: self.init(400, "\(error)")
        case let error as DetectionError: self.init(400, "\(error)")
        case let error as ConfigurationError: self.init(400, "\(error)")
        case let error as JSONReader.Failure:
            self.init(400, "the request is not JSON: \(error.reason) at byte \(error.position)")
        default: self.init(500, "this should not have happened; the server's log says more")
        }
    }
}
