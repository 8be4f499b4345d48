import HTTPTypes
import NIOCore
import NIOHTTPTypes
import Synchronization

/// The open connections: who has to know when one of them is closed.
final class Connections: Sendable {
    private struct State {
        var watchers: [ObjectIdentifier: @Sendable () -> Void] = [:]
        /// Those whose clients have gone, while the server still has them.
        var closed: Set<ObjectIdentifier> = []
    }

    private let state = Mutex(State())

    /// Calls `body` when the client closes the connection, or has closed it, until it is watched by nobody.
    func watch(_ channel: any Channel, _ body: @escaping @Sendable () -> Void) {
        let isClosed = state.withLock { state in
            guard channel.isActive, !state.closed.contains(ObjectIdentifier(channel)) else { return true }
            state.watchers[ObjectIdentifier(channel)] = body
            return false
        }
        if isClosed { body() }
    }

    func unwatch(_ channel: any Channel) {
        state.withLock { _ = $0.watchers.removeValue(forKey: ObjectIdentifier(channel)) }
    }

    /// The client has gone.
    fileprivate func closed(_ channel: any Channel) {
        let body = state.withLock { state in
            state.closed.insert(ObjectIdentifier(channel))
            return state.watchers.removeValue(forKey: ObjectIdentifier(channel))
        }
        body?()
    }

    /// The connection is no more; another one can have its identity.
    fileprivate func ended(_ channel: any Channel) {
        closed(channel)
        state.withLock { _ = $0.closed.remove(ObjectIdentifier(channel)) }
    }
}

/// The times in which a client must send the head and the body of a request and take the answer, and what it is told.
///
/// A client that is too slow gets 408 or is cut off; one whose body is not read to its end because it is refused is cut off
/// after the answer.
final class ConnectionWatch: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private enum Phase {
        case idle
        case head
        case body
        case answering
        case writing
    }

    private let connections: Connections
    private let head: TimeAmount
    private let body: TimeAmount
    private let idle: TimeAmount
    private var phase = Phase.head
    private var timer: Scheduled<Void>?

    init(_ connections: Connections, head: Double, body: Double, idle: Double) {
        func amount(_ seconds: Double) -> TimeAmount { .milliseconds(Int64(seconds * 1000)) }
        self.connections = connections
        (self.head, self.body, self.idle) = (amount(head), amount(body), amount(idle))
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { enter(.head, context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        enter(.head, context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        connections.ended(context.channel)
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(.inputClosed) = event as? ChannelEvent { connections.closed(context.channel) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            if phase == .head || phase == .idle { enter(.body, context) }
            if head.headerFields[.expect]?.lowercased() == "100-continue" {
                context.writeAndFlush(
                    wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
            }
        case .body: break
        case .end: if phase == .body { enter(.answering, context) }
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head:
            // Refused before it was read.
            isCutOff = phase == .body
            enter(.writing, context)
            context.write(data, promise: promise)
        case .body: context.write(data, promise: promise)
        case .end:
            let promise = promise ?? context.eventLoop.makePromise(of: Void.self)
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            promise.futureResult.whenComplete { _ in
                let (watch, context) = bound.value
                if watch.isCutOff {
                    context.close(promise: nil)
                } else if watch.phase == .writing {
                    watch.enter(.idle, context)
                }
            }
            context.write(data, promise: promise)
        }
    }

    private var isCutOff = false

    private func enter(_ phase: Phase, _ context: ChannelHandlerContext) {
        self.phase = phase
        timer?.cancel()
        timer = nil
        let time: TimeAmount
        switch phase {
        case .head: time = head
        case .body, .writing: time = body
        case .idle: time = idle
        case .answering: return
        }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: time) {
            let (watch, context) = bound.value
            watch.end(context)
        }
    }

    /// The time is over.
    private func end(_ context: ChannelHandlerContext) {
        if phase == .body {
            let fields: HTTPFields = [.connection: "close", .contentLength: "0"]
            context.write(
                wrapOutboundOut(.head(HTTPResponse(status: .requestTimeout, headerFields: fields))),
                promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
        connections.closed(context.channel)
        context.close(promise: nil)
    }
}
