import Foundation
import Support
import Synchronization

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Requests to a hub: descriptions of files, and downloads of their contents.
final class HubTransfer: Sendable {
    /// A hub's description of a file.
    struct File: Sendable {
        /// The address of its contents.
        let address: URL
        /// The identifier of its contents: the SHA-256 of large files, git's SHA-1 of small ones. Other servers may
        /// send anything or nothing.
        let tag: String
        let size: Int?
        /// Whether the contents are on the hub itself, which may receive the token.
        let isOnHub: Bool
    }

    private let endpoint: String
    private let token: String?

    init(endpoint: String, token: String?) {
        self.endpoint = endpoint
        self.token = token
    }

    private func url(_ address: String) throws -> URL {
        guard let url = URL(string: address), url.scheme == "https" || url.scheme == "http", url.host != nil
        else { throw HubError(address, reason: "is not the address of a hub") }
        return url
    }

    private func request(_ url: URL, method: String, isOnHub: Bool) -> URLRequest {
        var request = URLRequest(url: url, timeoutInterval: 60)
        request.httpMethod = method
        request.setValue("swift-fvlm", forHTTPHeaderField: "User-Agent")
        // Requests the plain contents, which the digest and the size describe.
        request.setValue("identity", forHTTPHeaderField: "Accept-Encoding")
        if isOnHub, let token { request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization") }
        return request
    }

    private static func refusal(_ address: String, _ status: Int) -> HubError {
        switch status {
        case 401, 403:
            HubError(
                address, reason: "is refused (HTTP \(status)); a restricted model of the hub needs HF_TOKEN")
        case 404: HubError(address, reason: "does not exist (HTTP 404)")
        default: HubError(address, reason: "answers HTTP \(status)")
        }
    }

    /// The bytes at an address of the hub, at most 20 MB.
    func contents(of address: String) async throws -> [UInt8] {
        let collector = Transfer(limit: 20_000_000)
        let response = try await collector.run(request(url(address), method: "GET", isOnHub: true))
        guard response.statusCode == 200 else { throw Self.refusal(address, response.statusCode) }
        return collector.bytes
    }

    /// The hub's description of a file, without its contents.
    /// - Parameter needsTag: Whether the response must identify the contents, as a hub's does.
    func describe(_ address: String, needsTag: Bool = true) async throws -> File {
        var url = try url(address)
        // The hub redirects a renamed model first; the last redirect leads to the contents.
        for _ in 0..<5 {
            let response = try await Transfer(limit: 0).run(request(url, method: "HEAD", isOnHub: true))
            func header(_ name: String) -> String? { response.value(forHTTPHeaderField: name) }
            let target = header("Location").flatMap { URL(string: $0, relativeTo: url)?.absoluteURL }
            let isRedirect = (300..<400).contains(response.statusCode)
            guard response.statusCode == 200 || isRedirect else {
                throw Self.refusal(address, response.statusCode)
            }
            if isRedirect, header("X-Linked-Etag") == nil, let target, target.host == url.host {
                url = target
                continue
            }
            let quoted = header("X-Linked-Etag") ?? header("ETag") ?? ""
            let tag = quoted.replacing("W/", with: "").replacing("\"", with: "")
            guard
                !needsTag
                    || !tag.isEmpty && tag.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "z") ~= $0 })
                        && ModelName.isSafe(revision: tag)
            else { throw HubError(address, reason: "has no digest (ETag)") }
            let size = header("X-Linked-Size") ?? (isRedirect ? nil : header("Content-Length"))
            let contents = isRedirect ? target ?? url : url
            return File(
                address: contents, tag: tag, size: size.flatMap { Int($0) },
                isOnHub: contents.absoluteString.hasPrefix(endpoint + "/"))
        }
        throw HubError(address, reason: "redirects too often")
    }

    /// Downloads a file's contents, except for the bytes that `path` already has.
    func download(
        _ file: File, to path: String, _ progress: @escaping @Sendable (Int) -> Void
    ) async throws {
        var present = Self.size(of: path)
        if let size = file.size, present > size {
            try ModelDownload.remove(path)
            present = 0
        }
        if let size = file.size, present == size, size > 0 { return progress(size) }
        var request = request(file.address, method: "GET", isOnHub: file.isOnHub)
        if present > 0 { request.setValue("bytes=\(present)-", forHTTPHeaderField: "Range") }
        let transfer = Transfer(path: path, offset: present, progress: progress)
        let response = try await transfer.run(request)
        let address = file.address.absoluteString
        guard response.statusCode == 200 || response.statusCode == 206 else {
            throw Self.refusal(address, response.statusCode)
        }
        if let size = file.size, Self.size(of: path) != size {
            throw HubError(
                address,
                reason:
                    "stopped after \(Self.size(of: path)) of \(size) bytes; try again to resume")
        }
    }

    private static func size(of path: String) -> Int { FileStatus(path)?.byteCount ?? 0 }
}

/// One request whose response is stored in memory, up to a limit, or in a file.
private final class Transfer: NSObject, URLSessionDataDelegate, Sendable {
    private struct State {
        var bytes: [UInt8] = []
        var response: HTTPURLResponse?
        var handle: FileHandle?
        var received: Int
        var error: (any Error)?
        var lastReport = ContinuousClock.now
        var continuation: CheckedContinuation<HTTPURLResponse, any Error>?
    }

    private let state: Mutex<State>
    private let limit: Int
    private let path: String?
    private let progress: @Sendable (Int) -> Void

    init(limit: Int) {
        self.limit = limit
        path = nil
        progress = { _ in }
        state = Mutex(State(received: 0))
    }

    /// - Parameter offset: The number of bytes that the file already has; a partial response is appended.
    init(path: String, offset: Int, progress: @escaping @Sendable (Int) -> Void) {
        limit = .max
        self.path = path
        self.progress = progress
        state = Mutex(State(received: offset))
    }

    var bytes: [UInt8] { state.withLock { $0.bytes } }

    func run(_ request: URLRequest) async throws -> HTTPURLResponse {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.timeoutIntervalForRequest = 60
        configuration.timeoutIntervalForResource = 7 * 86_400
        let session = URLSession(configuration: configuration, delegate: self, delegateQueue: nil)
        defer { session.finishTasksAndInvalidate() }
        let task = session.dataTask(with: request)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                state.withLock { $0.continuation = continuation }
                task.resume()
            }
        } onCancel: {
            task.cancel()
        }
    }

    /// Redirects are returned as responses: the caller that follows one decides what is sent there.
    func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) { completionHandler(nil) }

    func urlSession(
        _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
        completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
    ) {
        state.withLock { state in
            state.response = response as? HTTPURLResponse
            do { try open(&state) } catch { state.error = error }
        }
        completionHandler(.allow)
    }

    /// Opens the file if the response carries its contents.
    private func open(_ state: inout State) throws {
        guard let path, let status = state.response?.statusCode, status == 200 || status == 206 else {
            return
        }
        // A hub that ignores the range sends the whole file again.
        if status == 200 { state.received = 0 }
        let handle: FileHandle
        do { handle = try FileHandle(appendingTo: path) } catch { throw HubError(error) }
        try handle.truncate(atOffset: UInt64(state.received))
        try handle.seek(toOffset: UInt64(state.received))
        state.handle = handle
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        let report: Int? = state.withLock { state in
            guard state.error == nil else { return nil }
            if let handle = state.handle {
                do { try handle.write(contentsOf: data) } catch {
                    state.error = HubError(
                        path ?? "", reason: "cannot be written: \(error.localizedDescription)")
                    dataTask.cancel()
                    return nil
                }
                state.received += data.count
            } else if path == nil, state.bytes.count + data.count <= limit {
                state.bytes.append(contentsOf: data)
            }
            guard state.handle != nil, state.lastReport.duration(to: .now) > .milliseconds(100) else {
                return nil
            }
            state.lastReport = .now
            return state.received
        }
        if let report { progress(report) }
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        let (finish, received) = state.withLock { state in
            let continuation = state.continuation
            state.continuation = nil
            let isFile = state.handle != nil
            try? state.handle?.close()
            state.handle = nil
            let address = task.originalRequest?.url?.absoluteString ?? "request"
            let result: Result<HTTPURLResponse, any Error>
            if let own = state.error {
                result = .failure(own)
            } else if let error {
                result = .failure(HubError(address, reason: error.localizedDescription))
            } else if let response = state.response ?? task.response as? HTTPURLResponse {
                result = .success(response)
            } else {
                result = .failure(HubError(address, reason: "does not answer with HTTP"))
            }
            return ({ continuation?.resume(with: result) }, isFile ? state.received : nil)
        }
        if let received { progress(received) }
        finish()
    }
}
