import Foundation

/// A client that sends exactly the bytes that it is told to.
struct TestClient: Sendable {
    let port: Int

    /// What a server said.
    struct Answer: Sendable {
        let status: Int
        let headers: [String: String]
        let body: [UInt8]
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    struct Failure: Error {
        let reason: String
    }

    /// Sends a request and reads its answer; the connection is closed.
    func send(
        _ method: String, _ path: String, _ headers: [String: String] = [:], body: [UInt8] = []
    ) async throws -> Answer {
        var lines = ["\(method) \(path) HTTP/1.1", "Host: 127.0.0.1", "Connection: close"]
        for (name, value) in headers.sorted(by: { $0.key < $1.key }) { lines.append("\(name): \(value)") }
        if !body.isEmpty || method == "POST" || method == "PUT" {
            lines.append("Content-Length: \(body.count)")
        }
        let bytes = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body
        let received = try await exchange([bytes])
        return try Self.answer(received)
    }

    func get(_ path: String, _ headers: [String: String] = [:]) async throws -> Answer {
        try await send("GET", path, headers)
    }

    func post(_ path: String, _ body: [UInt8], type: String = "application/octet-stream") async throws
        -> Answer
    {
        try await send("POST", path, ["Content-Type": type], body: body)
    }

    func post(_ path: String, json: String) async throws -> Answer {
        try await post(path, Array(json.utf8), type: "application/json")
    }

    /// Sends parts of bytes with pauses between them, and gives everything that comes back until the end.
    func exchange(_ parts: [[UInt8]], pause: Double = 0, closesAfter: Bool = false) async throws -> [UInt8] {
        let port = port
        return try await withCheckedThrowingContinuation { continuation in
            // Not on the threads of tasks, which the server needs.
            DispatchQueue.global().async {
                continuation.resume(
                    with: Result { try Self.exchange(port, parts, pause: pause, closesAfter: closesAfter) })
            }
        }
    }

    private static func exchange(_ port: Int, _ parts: [[UInt8]], pause: Double, closesAfter: Bool) throws
        -> [UInt8]
    {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(reason: "no socket") }
        defer { close(descriptor) }
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw Failure(reason: "cannot connect: \(String(cString: strerror(errno)))") }
        sending: for (place, part) in parts.enumerated() {
            if place > 0, pause > 0 { Thread.sleep(forTimeInterval: pause) }
            var sent = 0
            while sent < part.count {
                let count = part.withUnsafeBytes {
                    Foundation.send(
                        descriptor, $0.baseAddress! + sent, part.count - sent, Int32(MSG_NOSIGNAL))
                }
                // A server that refuses stops reading.
                if count <= 0 { break sending }
                sent += count
            }
        }
        if closesAfter { return [] }
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count < 0, errno == EAGAIN { throw Failure(reason: "the server says nothing") }
            guard count > 0 else { return received }
            received += buffer[..<count]
        }
    }

    /// The last answer in what was received: an interim one can be before it.
    static func answer(_ received: [UInt8]) throws -> Answer {
        let end = Array("\r\n\r\n".utf8)
        guard let place = received.indices.first(where: { received[$0...].starts(with: end) }) else {
            throw Failure(reason: "no answer in '\(String(decoding: received.prefix(200), as: UTF8.self))'")
        }
        let lines = String(decoding: received[..<place], as: UTF8.self).components(separatedBy: "\r\n")
        let words = lines[0].split(separator: " ")
        guard words.count >= 2, let status = Int(words[1]) else { throw Failure(reason: lines[0]) }
        let body = Array(received[(place + 4)...])
        if status == 100 { return try answer(body) }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers[line[..<colon].lowercased()] =
                line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        }
        return Answer(status: status, headers: headers, body: body)
    }
}
