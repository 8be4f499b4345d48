import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Support

/// Fetches pictures from hosts that the server's owner has named, and from no others.
///
/// The address that a host's name stands for is looked at before it is connected to, so that a name cannot stand for a machine
/// behind the server; so is that of every redirection.
struct PictureFetcher: Sendable {
    let options: ServerOptions

    private static let seconds = 15
    private static let mostRedirections = 3

    /// Fetches a picture.
    /// - Parameters:
    ///   - address: `http://` or `https://`.
    ///   - authorization: A header's value, sent to the address's own host alone.
    /// - Throws: ``RequestFault`` with what is wrong.
    func fetch(_ address: String, authorization: String? = nil) async throws -> ByteBuffer {
        var (address, authorization) = (address, authorization)
        for _ in 0...Self.mostRedirections {
            let target = try Target(address, options)
            let place = try await self.place(of: target)
            let answer = try await get(target, at: place, authorization)
            switch answer.status {
            case 200: return answer.body
            case 301, 302, 303, 307, 308:
                guard let location = answer.location,
                    let next = URL(string: location, relativeTo: URL(string: address))?.absoluteURL
                else { throw RequestFault.fetching(502, "\(target.host) redirects to nowhere") }
                if next.host()?.lowercased() != target.host { authorization = nil }
                address = next.absoluteString
            case 401, 403:
                throw RequestFault.fetching(
                    424,
                    "\(target.host) refuses the picture (\(answer.status)): Label Studio takes the token that it gives to models when "
                        + "legacy tokens are enabled, in Organization, API Tokens Settings"
                )
            default:
                throw RequestFault.fetching(424, "\(target.host) answers \(answer.status) for the picture")
            }
        }
        throw RequestFault.fetching(
            424, "the picture's address redirects more than \(Self.mostRedirections) times")
    }

    /// Where a picture is.
    struct Target: Sendable {
        let host: String
        let port: Int
        let isSecure: Bool
        let path: String

        /// - Throws: ``RequestFault`` for an address that is not allowed.
        init(_ address: String, _ options: ServerOptions) throws {
            guard let url = URLComponents(string: address), let scheme = url.scheme?.lowercased(),
                ["http", "https"].contains(scheme), var host = url.host?.lowercased(), !host.isEmpty,
                url.user == nil, url.password == nil
            else { throw RequestFault.bad("a picture's address must be http://... or https://...") }
            if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
            guard options.fetchHosts.contains(where: { $0.lowercased() == host }) else {
                throw RequestFault.fetching(
                    403,
                    "pictures are not fetched from '\(host.prefix(100))': fvlm serve --fetch-host allows a host"
                )
            }
            self.host = host
            isSecure = scheme == "https"
            port = url.port ?? (isSecure ? 443 : 80)
            let path = url.percentEncodedPath.isEmpty ? "/" : url.percentEncodedPath
            self.path = path + (url.percentEncodedQuery.map { "?\($0)" } ?? "")
        }
    }

    /// The address of a host that may be connected to.
    private func place(of target: Target) async throws -> SocketAddress {
        let found = try await NIOThreadPool.singleton.runIfActive {
            var hints = addrinfo()
            hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
            var list: UnsafeMutablePointer<addrinfo>?
            guard getaddrinfo(target.host, String(target.port), &hints, &list) == 0 else {
                throw RequestFault.fetching(424, "the host '\(target.host)' is not found")
            }
            defer { freeaddrinfo(list) }
            var addresses: [SocketAddress] = []
            var next = list
            while let entry = next?.pointee {
                if let address = entry.ai_addr {
                    if entry.ai_family == AF_INET {
                        addresses.append(
                            address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                                SocketAddress($0.pointee)
                            })
                    } else if entry.ai_family == AF_INET6 {
                        addresses.append(
                            address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                                SocketAddress($0.pointee)
                            })
                    }
                }
                next = entry.ai_next
            }
            return addresses
        }
        guard let address = found.first(where: { options.fetchesPrivate || Self.isPublic($0) }) else {
            throw RequestFault.fetching(
                403, "'\(target.host)' is on a private network: fvlm serve --fetch-private allows that")
        }
        return address
    }

    /// Whether an address belongs to no private, local or reserved network.
    static func isPublic(_ address: SocketAddress) -> Bool {
        switch address {
        case .v4(let address):
            let bytes = withUnsafeBytes(of: address.address.sin_addr.s_addr) { Array($0) }
            return isPublic(bytes)
        case .v6(let address):
            let bytes = withUnsafeBytes(of: address.address.sin6_addr) { Array($0) }
            // Forms that hold an address of version 4.
            if bytes.prefix(10).allSatisfy({ $0 == 0 }), bytes[10] == 0xFF, bytes[11] == 0xFF {
                return isPublic(Array(bytes[12...]))
            }
            // What is given out to the world begins with 001; 2001::/23 and 2002::/16 lead elsewhere.
            guard bytes[0] & 0xE0 == 0x20 else { return false }
            if bytes[0] == 0x20, bytes[1] == 0x02 { return false }
            return !(bytes[0] == 0x20 && bytes[1] == 0x01 && bytes[2] < 2)
        case .unixDomainSocket: return false
        }
    }

    private static func isPublic(_ bytes: [UInt8]) -> Bool {
        switch (bytes[0], bytes[1]) {
        case (0, _), (10, _), (127, _), (224..., _), (169, 254), (192, 168), (192, 0), (198, 18...19),
            (172, 16...31),
            (100, 64...127):
            false
        default: true
        }
    }

    private struct Answer: Sendable {
        var status = 0
        var location: String?
        var body = ByteBuffer()
    }

    private func get(_ target: Target, at place: SocketAddress, _ authorization: String?) async throws
        -> Answer
    {
        let limit = options.bodyLimit
        let context = target.isSecure ? try NIOSSLContext(configuration: .makeClientConfiguration()) : nil
        let channel: any Channel
        let promise = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: Answer.self)
        do {
            channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.seconds(Int64(Self.seconds)))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        if let context {
                            let isAddress = (try? SocketAddress(ipAddress: target.host, port: 0)) != nil
                            try pipeline.addHandler(
                                NIOSSLClientHandler(
                                    context: context, serverHostname: isAddress ? nil : target.host))
                        }
                        try pipeline.addHTTPClientHandlers()
                        try pipeline.addHandler(Collector(limit: limit, promise))
                    }
                }.connect(to: place).get()
        } catch {
            promise.fail(error)
            throw RequestFault.fetching(424, "\(target.host) cannot be reached")
        }
        defer { channel.close(promise: nil) }
        let timer = channel.eventLoop.scheduleTask(in: .seconds(Int64(Self.seconds))) {
            promise.fail(
                RequestFault.fetching(
                    424, "\(target.host) did not send the picture in \(Self.seconds) seconds"))
        }
        defer { timer.cancel() }
        var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: target.path)
        let isUsual = target.port == (target.isSecure ? 443 : 80)
        let name = target.host.contains(":") ? "[\(target.host)]" : target.host
        head.headers.add(name: "Host", value: isUsual ? name : "\(name):\(target.port)")
        head.headers.add(name: "Connection", value: "close")
        head.headers.add(name: "Accept", value: "image/*, */*")
        if let authorization { head.headers.add(name: "Authorization", value: authorization) }
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
        do { return try await promise.futureResult.get() } catch let fault as RequestFault {
            throw fault
        } catch {
            throw RequestFault.fetching(424, "\(target.host) did not send the picture")
        }
    }

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = HTTPClientResponsePart

        private let limit: Int
        private let promise: EventLoopPromise<Answer>
        private var answer = Answer()

        init(limit: Int, _ promise: EventLoopPromise<Answer>) {
            self.limit = limit
            self.promise = promise
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                answer.status = Int(head.status.code)
                answer.location = head.headers.first(name: "location")
            case .body(var part):
                guard answer.body.readableBytes + part.readableBytes <= limit else {
                    promise.fail(RequestFault.fetching(413, "a picture exceeds the limit of \(limit) bytes"))
                    return context.close(promise: nil)
                }
                answer.body.writeBuffer(&part)
            case .end: promise.succeed(answer)
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            promise.fail(error)
            context.close(promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) { promise.fail(ChannelError.inputClosed) }
    }
}
