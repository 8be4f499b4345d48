import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import Support

/// What is done for every request: its id, the count, the line in the log, and errors as answers.
struct FrontDoor: RouterMiddleware {
    typealias Context = ServerContext

    let service: DetectionService
    let log: @Sendable (String) -> Void

    func handle(
        _ request: Request, context: ServerContext,
        next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        let record = context.record
        let id = Self.id(request.headers[.requestID]) ?? HandleID.random()
        record.update { $0.id = id }
        service.metrics.begin()
        var response: Response
        var fault: RequestFault?
        do {
            response = try await next(request, context)
        } catch let error as HTTPError {
            fault = RequestFault(error.status.code, "there is no \(request.method) \(request.uri.path)")
            response = Answers.fault(fault!, id: id)
        } catch let error as HTTPParserError {
            // What is answered then is not for a handler to say.
            service.metrics.end(
                route: record.current.route, status: 400, seconds: (ContinuousClock.now - start).seconds)
            throw error
        } catch {
            // A body that ends before its time.
            let found = RequestFault(error is ChannelError || error is IOError ? CancellationError() : error)
            fault = found
            if found.status == 500 { log("request \(id): \(error)") }
            response = Answers.fault(found, id: id)
        }
        if let refusal = fault?.refusal { service.metrics.refuse(refusal) }
        response.headers[.requestID] = id
        response.headers[.contentTypeOptions] = "nosniff"
        let state = record.current
        if let times = state.times { response.headers[.serverTiming] = Answers.timing(times) }
        allowOrigin(request, &response)
        let seconds = (ContinuousClock.now - start).seconds
        service.metrics.end(route: state.route, status: response.status.code, seconds: seconds)
        if state.route != "/healthz", state.route != "/readyz", state.route != "/metrics" {
            log(line(request, response, state, seconds, fault))
        }
        return response
    }

    /// An id that a client gives, if it can stand in a log.
    private static func id(_ given: String?) -> String? {
        guard let given, (1...64).contains(given.utf8.count),
            given.utf8.allSatisfy({
                $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".")
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 0x20)
            })
        else { return nil }
        return given
    }

    /// One line: neither the query, nor a header, nor the body is in it; of a picture that cannot be fetched the host and why.
    private func line(
        _ request: Request, _ response: Response, _ state: RequestRecord.State, _ seconds: Double,
        _ fault: RequestFault?
    ) -> String {
        var text = "request \(state.id): \(request.method) \(state.route) \(response.status.code)"
        text += " \(NumberText.decimals(seconds * 1000, 1)) ms"
        if let times = state.times {
            text += " (decoding \(NumberText.decimals(times.decoding * 1000, 1)), queue "
            text += "\(NumberText.decimals(times.waited * 1000, 1)), network "
            text += "\(NumberText.decimals(times.network * 1000, 1)))"
        }
        if let refusal = fault?.refusal { text += " refused: \(refusal.rawValue)" }
        // A host's name is what a client has sent: it must not begin a line of its own.
        if let fault, fault.isForOwner {
            text += ": " + String(fault.reason.map { $0.isNewline || $0.isASCII && $0 < " " ? "?" : $0 })
        }
        return text
    }

    private func allowOrigin(_ request: Request, _ response: inout Response) {
        guard let origin = request.headers[.origin], service.options.origins.contains(origin) else { return }
        response.headers[.accessControlAllowOrigin] = origin
        response.headers[.vary] = "Origin"
        response.headers[.accessControlExposeHeaders] = "X-Request-ID, Server-Timing, Retry-After"
        if request.method == .options {
            response = Response(status: .noContent, headers: response.headers)
            response.headers[.accessControlAllowMethods] = "GET, POST, PUT, DELETE"
            response.headers[.accessControlAllowHeaders] = "Authorization, Content-Type, X-Request-ID"
            response.headers[.accessControlMaxAge] = "600"
        }
    }
}

extension HTTPField.Name {
    static let requestID = HTTPField.Name("X-Request-ID")!
    static let serverTiming = HTTPField.Name("Server-Timing")!
    static let contentTypeOptions = HTTPField.Name("X-Content-Type-Options")!
    static let inferenceHeaderLength = HTTPField.Name("Inference-Header-Content-Length")!
}
