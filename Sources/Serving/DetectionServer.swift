import FVLM
import Foundation
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore
import NIOSSL
import ServiceLifecycle
import Support
import Synchronization

/// Answers requests over HTTP with what a detector finds.
///
/// ```swift
/// import FVLM
/// import Serving
///
/// let server = try DetectionServer(ServerOptions()) {
///     LoadedModel(try Detector.load("model"), name: "model")
/// }
/// try await server.run()
/// ```
///
/// It listens while the model is loaded, and says then that it is not ready. SIGTERM and SIGINT let it answer what it has
/// accepted, then end.
public struct DetectionServer: Sendable {
    let service: DetectionService
    private let load: @Sendable () async throws -> LoadedModel
    private let tls: TLSConfiguration?
    private let note: @Sendable (String) -> Void
    private let log: @Sendable (String) -> Void

    /// Prepares a server.
    /// - Parameters:
    ///   - options: How it listens, and its limits.
    ///   - note: Called with what its owner should know.
    ///   - log: Called with a line for each request: neither tokens nor what was sent is in it.
    ///   - load: Loads the model.
    /// - Throws: `ConfigurationError` for impossible options and certificates that cannot be used, an error with the path of the
    ///   folder of vocabularies.
    public init(
        _ options: ServerOptions, note: @escaping @Sendable (String) -> Void = { _ in },
        log: @escaping @Sendable (String) -> Void = { _ in },
        load: @escaping @Sendable () async throws -> LoadedModel
    ) throws {
        service = try DetectionService(options)
        tls = try Self.tls(options)
        self.load = load
        self.note = note
        self.log = log
    }

    /// Serves until it is told to end.
    /// - Parameters:
    ///   - endsOnSignals: Whether SIGTERM and SIGINT end it; otherwise the end of its task does.
    ///   - onListening: Called with the port when connections are accepted.
    ///   - onReady: Called with the address when the model is loaded and has looked at a picture.
    /// - Throws: What loading the model throws; `ConfigurationError` with the address when it cannot listen.
    public func run(
        endsOnSignals: Bool = true, onListening: @escaping @Sendable (Int) -> Void = { _ in },
        onReady: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws {
        let options = service.options
        let (ports, port) = AsyncStream<Int>.makeStream()
        let connections = Connections()
        let watch: @Sendable () -> [any RemovableChannelHandler] = {
            [
                ConnectionWatch(
                    connections, head: options.headSeconds, body: options.bodySeconds,
                    idle: options.idleSeconds)
            ]
        }
        let http = HTTPServerBuilder.http1(configuration: .init(additionalChannelHandlers: watch()))
        // What the parts of a server say when one of them has failed hides why.
        let failure = FirstFailure()
        var logger = Logger(label: "fvlm") { _ in LineLog { if failure.isNone { log($0) } } }
        logger.logLevel = .error
        let application = Application(
            router: endpoints(connections).router,
            server: try tls.map { try .tls(http, tlsConfiguration: $0) } ?? http,
            configuration: ApplicationConfiguration(
                address: .hostname(options.host, port: options.port), serverName: "fvlm",
                availableConnectionsDelegate: MaximumAvailableConnections(options.connectionLimit)),
            onServerRunning: { channel in
                let number = channel.localAddress?.port ?? options.port
                onListening(number)
                port.yield(number)
            },
            logger: logger)
        let loader = Loader(service: service, load: load, note: note, onFailure: failure.set) {
            for await port in ports {
                let host = options.host.contains(":") ? "[\(options.host)]" : options.host
                onReady("\(tls == nil ? "http" : "https")://\(host):\(port)")
                break
            }
        }
        var configuration = ServiceGroupConfiguration(
            services: [application, loader],
            gracefulShutdownSignals: endsOnSignals ? [.sigterm, .sigint] : [],
            logger: logger)
        configuration.maximumGracefulShutdownDuration = .seconds(options.requestSeconds + options.bodySeconds)
        do { try await ServiceGroup(configuration: configuration).run() } catch {
            await service.vocabularies.unlock()
            throw Self.explained(error, options)
        }
        await service.vocabularies.unlock()
    }

    /// An error of listening in words; others as they are.
    private static func explained(_ error: any Error, _ options: ServerOptions) -> any Error {
        let reason: String
        switch error {
        case let error as IOError:
            let port = options.port
            reason =
                switch error.errnoCode {
                case EADDRINUSE:
                    "another program listens there: stop it, or choose another --port than \(port)"
                case EADDRNOTAVAIL:
                    "this machine has no such address: --host takes one of its own, or 0.0.0.0 for all"
                case EACCES:
                    "ports below 1024 are for the system's administrator: choose another --port than \(port)"
                default: String(cString: strerror(error.errnoCode))
                }
        case is SocketAddressError, is SocketAddressError.UnknownHost: reason = "the host is not found"
        default: return error
        }
        return ConfigurationError(
            origin: "\(options.host), port \(options.port)", reason: "cannot listen: \(reason)",
            exitStatus: .failure)
    }

    /// The methods and paths of all routes.
    var routeNames: [String] { endpoints(Connections()).routeNames }

    private func endpoints(_ connections: Connections) -> Endpoints {
        let router = Router(context: ServerContext.self)
        router.add(middleware: FrontDoor(service: service, log: log))
        let endpoints = Endpoints(router: router, service: service, connections: connections)
        StatusRoutes.add(to: endpoints)
        DetectionRoutes.add(to: endpoints)
        VocabularyRoutes.add(to: endpoints)
        HuggingFaceRoutes.add(to: endpoints)
        OpenInferenceRoutes.add(to: endpoints)
        NuclioRoutes.add(to: endpoints)
        LabelStudioRoutes.add(to: endpoints)
        PageRoutes.add(to: endpoints)
        return endpoints
    }

    private static func tls(_ options: ServerOptions) throws -> TLSConfiguration? {
        guard let certificates = options.certificates, let key = options.privateKey else { return nil }
        return try ServerCertificates(chain: certificates, key: key).configuration
    }
}

/// Loads the model beside the server, and forgets what has expired.
private struct Loader: Service {
    let service: DetectionService
    let load: @Sendable () async throws -> LoadedModel
    let note: @Sendable (String) -> Void
    let onFailure: @Sendable () -> Void
    let onReady: @Sendable () async -> Void

    func run() async throws {
        try await withGracefulShutdownHandler {
            do {
                try await service.fill(Task.detached { try await load() }.value, note: note)
            } catch {
                onFailure()
                throw error
            }
            await onReady()
            await cancelWhenGracefulShutdown {
                while (try? await Task.sleep(for: .seconds(5))) != nil { service.encoded.forgetExpired() }
            }
        } onGracefulShutdown: {
            service.slot.drain()
        }
    }
}

/// Whether something has failed.
private final class FirstFailure: Sendable {
    private let hasFailed = Mutex(false)
    var isNone: Bool { hasFailed.withLock { !$0 } }
    func set() { hasFailed.withLock { $0 = true } }
}

/// Lines of what Hummingbird and NIO report.
private struct LineLog: LogHandler {
    private let write: @Sendable (String) -> Void
    init(_ write: @escaping @Sendable (String) -> Void) { self.write = write }
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.error

    func log(event: LogEvent) { write("\(event.level): \(event.message)") }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }
}
