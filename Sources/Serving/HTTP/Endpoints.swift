import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Support
import Synchronization

/// Adds routes, each with what all of them need: the token, the deadline, and an end when the client goes.
struct Endpoints {
    /// A route's handler.
    typealias Handler = @Sendable (Request, ServerContext) async throws -> Response

    let service: DetectionService
    let router: Router<ServerContext>
    private let guardian: Guardian
    private let names = Names()

    /// The methods and paths of all routes.
    var routeNames: [String] { names.all }

    private final class Names {
        var all: [String] = []
    }

    init(router: Router<ServerContext>, service: DetectionService, connections: Connections) {
        (self.router, self.service) = (router, service)
        guardian = Guardian(service: service, connections: connections)
    }

    /// Adds a route.
    /// - Parameters:
    ///   - isOpen: Whether no token is needed.
    ///   - needsModel: Whether it is refused while there is no model.
    func on(
        _ method: HTTPRequest.Method, _ path: String, isOpen: Bool = false, needsModel: Bool = true,
        _ handler: @escaping Handler
    ) {
        names.all.append("\(method.rawValue) \(path)")
        router.on(RouterPath(path), method: method) { [guardian] request, context in
            context.record.update { $0.route = path }
            let client = try guardian.client(request, context, isOpen: isOpen)
            context.record.update { $0.client = client }
            if needsModel { _ = try guardian.service.slot.model }
            return try await guardian.withDeadline(context) { try await handler(request, context) }
        }
    }
}

/// Says who may ask, and for how long.
private struct Guardian: Sendable {
    let service: DetectionService
    private let connections: Connections
    private let tokens: [[UInt8]]

    init(service: DetectionService, connections: Connections) {
        (self.service, self.connections) = (service, connections)
        tokens = service.options.tokens.map { SHA256.hash(Array($0.utf8)) }
    }

    /// The client that asks.
    /// - Throws: ``RequestFault`` without a token that is needed.
    func client(_ request: Request, _ context: ServerContext, isOpen: Bool) throws(RequestFault) -> String {
        let address = context.channel.remoteAddress?.ipAddress ?? "local"
        guard !tokens.isEmpty, !isOpen else { return address }
        guard let given = Self.token(request.headers[.authorization]) else {
            throw RequestFault(401, "a token is needed: Authorization: Bearer TOKEN", refusal: .token)
        }
        // Digests are compared whole, all of them: the time says nothing of a token.
        let digest = SHA256.hash(Array(given.utf8))
        var isKnown = false
        for token in tokens {
            var difference: UInt8 = 0
            for (a, b) in zip(token, digest) { difference |= a ^ b }
            isKnown = isKnown || difference == 0
        }
        guard isKnown else { throw RequestFault(401, "the token is not known", refusal: .token) }
        return String(digest.hexadecimal.prefix(16))
    }

    /// The token of a header: a bearer's, or the password of basic authentication, which some tools offer alone.
    private static func token(_ header: String?) -> String? {
        guard let header, let blank = header.firstIndex(of: " ") else { return nil }
        let rest = header[header.index(after: blank)...].trimmingCharacters(in: .whitespaces)
        switch header[..<blank].lowercased() {
        case "bearer": return rest
        case "basic":
            guard let data = Data(base64Encoded: rest) else { return nil }
            let pair = String(decoding: data, as: UTF8.self)
            return pair.firstIndex(of: ":").map { String(pair[pair.index(after: $0)...]) }
        default: return nil
        }
    }

    /// Runs a handler until it ends, its time is over, or its client has gone.
    func withDeadline(
        _ context: ServerContext, _ body: @escaping @Sendable () async throws -> Response
    ) async throws -> Response {
        let race = Race()
        let task = Task { race.end(await Result { try await body() }) }
        let loop = context.channel.eventLoop
        let timers = Mutex<[Scheduled<Void>]>([])
        @Sendable func end(in seconds: Double) {
            let timer = loop.scheduleTask(in: .milliseconds(Int64(seconds * 1000))) {
                race.end(
                    .failure(
                        RequestFault(
                            504, "the request was not answered in \(NumberText.shortest(seconds)) seconds",
                            refusal: .deadline)))
                task.cancel()
            }
            timers.withLock { $0.append(timer) }
        }
        let (whole, answer) = (
            service.options.requestSeconds + service.options.bodySeconds, service.options.requestSeconds
        )
        end(in: whole)
        let isRead = Mutex(false)
        context.record.update {
            $0.onBody = {
                isRead.withLock { $0 = true }
                end(in: answer)
            }
        }
        connections.watch(context.channel) {
            race.end(.failure(CancellationError()))
            task.cancel()
        }
        defer {
            context.record.update { $0.onBody = nil }
            for timer in timers.withLock({ $0 }) { timer.cancel() }
            connections.unwatch(context.channel)
        }
        do {
            return try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { race.wait($0) }
            } onCancel: {
                task.cancel()
            }
        } catch {
            // Hummingbird reads on in the connection, and NIO ends a program in which two read at once: whoever still waits for
            // the body goes first, at once, as it is cancelled.
            task.cancel()
            if !isRead.withLock({ $0 }) { await task.value }
            throw error
        }
    }
}

/// A result that the first of several gives.
private final class Race: Sendable {
    private struct State {
        var result: Result<Response, any Error>?
        var continuation: CheckedContinuation<Response, any Error>?
    }

    private let state = Mutex(State())

    func wait(_ continuation: CheckedContinuation<Response, any Error>) {
        let result = state.withLock { state in
            if state.result == nil { state.continuation = continuation }
            return state.result
        }
        if let result { continuation.resume(with: result) }
    }

    func end(_ result: Result<Response, any Error>) {
        let continuation = state.withLock { state -> CheckedContinuation<Response, any Error>? in
            guard state.result == nil else { return nil }
            state.result = result
            defer { state.continuation = nil }
            return state.continuation
        }
        continuation?.resume(with: result)
    }
}

extension Result where Failure == any Error {
    fileprivate init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
