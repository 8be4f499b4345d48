import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Support

/// Reads what clients send.
struct RequestReader: Sendable {
    let service: DetectionService

    /// The body of a request, whose bytes count as taken until it is answered.
    /// - Throws: ``RequestFault`` for more bytes than are allowed, and while requests take all that there are.
    func body(_ request: Request, _ context: ServerContext) async throws -> ByteBuffer {
        let limit = service.options.bodyLimit
        let stated = request.headers[.contentLength].flatMap { Int($0) }
        if let stated, stated > limit { throw Self.excess(limit) }
        let amount = stated ?? limit
        guard let part = service.memory.take(amount) else {
            throw RequestFault(
                429, "requests take all memory that they may", retrySeconds: 1, refusal: .memory)
        }
        context.record.hold(part)
        do {
            let body = try await request.body.collect(upTo: limit)
            context.record.bodyWasRead()
            return body
        } catch is NIOTooManyBytesError { throw Self.excess(limit) }
    }

    private static func excess(_ limit: Int) -> RequestFault {
        RequestFault(413, "the request exceeds the limit of \(limit) bytes")
    }

    /// The JSON object of a body.
    func object(_ request: Request, _ context: ServerContext) async throws -> [String: JSONValue] {
        try Self.object(await body(request, context))
    }

    static func object(_ body: ByteBuffer) throws -> [String: JSONValue] {
        let value: JSONValue
        do { value = try body.withUnsafeReadableBytes { try JSONValue(parsing: $0) } } catch {
            throw RequestFault(error)
        }
        guard case .object(let members) = value else {
            throw RequestFault.bad("the request must be a JSON object")
        }
        return members
    }

    /// What is asked of pictures: the parameters of the query, and a picture as it is, a form, or JSON.
    func detection(_ request: Request, _ context: ServerContext) async throws -> DetectionRequest {
        var result = DetectionRequest()
        var name = "picture"
        for (key, value) in try Self.query(request) {
            if key == "name" { name = value } else { try result.set(key, .string(value)) }
        }
        let body = try await body(request, context)
        let type = request.headers[.contentType] ?? ""
        var kind = type.prefix(while: { $0 != ";" }).trimmingCharacters(in: .whitespaces).lowercased()
        // What `curl -d` says of JSON where nothing else is said.
        if kind == "application/x-www-form-urlencoded",
            body.readableBytesView.first(where: { $0 > UInt8(ascii: " ") }) == UInt8(ascii: "{")
        {
            kind = "application/json"
        }
        switch kind {
        case "application/json":
            for (key, value) in try Self.object(body).sorted(by: { $0.key < $1.key }) {
                switch key {
                case "picture", "image": result.pictures.append(try Self.picture(value, 0))
                case "pictures", "images":
                    guard case .array(let items) = value else {
                        throw RequestFault.bad("\(key) must be a list")
                    }
                    guard items.count <= service.options.pictureLimit else {
                        throw RequestFault(
                            413, "\(items.count) pictures exceed the limit of \(service.options.pictureLimit)"
                        )
                    }
                    for item in items {
                        result.pictures.append(try Self.picture(item, result.pictures.count))
                    }
                default: try result.set(key, value)
                }
            }
        case "multipart/form-data":
            guard let form = MultipartForm(type: type, body) else {
                throw RequestFault.bad("the form cannot be read: its boundary or a part of it is missing")
            }
            for part in form.parts {
                if part.isFile {
                    result.pictures.append(
                        SentPicture(
                            name: part.fileName ?? "picture \(result.pictures.count + 1)", bytes: part.bytes))
                } else {
                    guard part.bytes.readableBytes <= 1 << 20 else {
                        throw RequestFault.bad("a part without a file name exceeds 1 MiB")
                    }
                    try result.set(part.name, .string(String(buffer: part.bytes)))
                }
            }
        default:
            if body.readableBytes > 0 { result.pictures = [SentPicture(name: name, bytes: body)] }
        }
        return result
    }

    /// The parameters of a query, in order.
    static func query(_ request: Request) throws -> [(String, String)] {
        guard let query = request.uri.query, !query.isEmpty else { return [] }
        var result: [(String, String)] = []
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let texts = parts.map { $0.replacing("+", with: " ").removingPercentEncoding }
            guard let key = texts[0], let value = texts.count > 1 ? texts[1] : "" else {
                throw RequestFault.bad("the query is not percent-encoded UTF-8")
            }
            result.append((key, value))
        }
        return result
    }

    /// `"BASE64"` or `{"name": "a.jpg", "data": "BASE64"}`
    static func picture(_ value: JSONValue, _ place: Int) throws -> SentPicture {
        switch value {
        case .string(let text): return SentPicture(name: "picture \(place + 1)", bytes: try base64(text))
        case .object(let members):
            for key in members.keys where key != "name" && key != "data" {
                throw RequestFault.bad("a picture has name and data, not '\(key.prefix(60))'")
            }
            guard let data = members["data"], case .string(let text) = data else {
                throw RequestFault.bad("a picture needs data, its file in base64")
            }
            let name = try members["name"].map { value in
                try DetectionRequest.string(value, "name")
            }
            return SentPicture(name: name ?? "picture \(place + 1)", bytes: try base64(text))
        default: throw RequestFault.bad("a picture must be base64 text or an object with data")
        }
    }

    /// The bytes of base64, with or without `data:image/png;base64,` before it.
    static func base64(_ text: String) throws -> ByteBuffer {
        var rest = text[...]
        if rest.hasPrefix("data:"), let comma = rest.firstIndex(of: ",") {
            rest = rest[rest.index(after: comma)...]
        }
        guard let data = Data(base64Encoded: String(rest), options: .ignoreUnknownCharacters), !data.isEmpty
        else {
            throw RequestFault.bad("a picture's data is not base64")
        }
        return ByteBuffer(bytes: data)
    }
}

/// The parts of a form (RFC 7578).
struct MultipartForm {
    struct Part {
        let name: String
        let fileName: String?
        let type: String?
        let bytes: ByteBuffer

        /// Whether it is a file rather than a field.
        var isFile: Bool { fileName != nil || type?.lowercased().hasPrefix("image/") == true }
    }

    private(set) var parts: [Part] = []

    private static let mostParts = 4_096

    /// Nil for a body that is not such a form.
    init?(type: String, _ body: ByteBuffer) {
        guard let boundary = Self.parameter("boundary", of: type), (1...200).contains(boundary.utf8.count)
        else {
            return nil
        }
        let delimiter = Array("\r\n--\(boundary)".utf8)
        // The first delimiter has no line end before it.
        let view = body.readableBytesView
        guard view.starts(with: delimiter.dropFirst(2)) else { return nil }
        var start = view.startIndex + delimiter.count - 2
        while true {
            let rest = view[start...]
            if rest.starts(with: Array("--".utf8)) { return }
            guard rest.starts(with: [0x0D, 0x0A]), parts.count < Self.mostParts,
                let end = Self.index(of: delimiter, in: body, from: start),
                let part = Self.part(body, start + 2, end)
            else { return nil }
            parts.append(part)
            start = end + delimiter.count
        }
    }

    private static func part(_ body: ByteBuffer, _ start: Int, _ end: Int) -> Part? {
        guard let blank = index(of: Array("\r\n\r\n".utf8), in: body, from: start), blank + 4 <= end,
            blank - start <= 16_384, let bytes = body.getSlice(at: blank + 4, length: end - blank - 4)
        else { return nil }
        var (name, fileName, type): (String?, String?, String?) = (nil, nil, nil)
        for line in String(decoding: body.readableBytesView[start..<blank], as: UTF8.self).components(
            separatedBy: "\r\n")
        {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            switch line[..<colon].lowercased() {
            case "content-disposition":
                name = parameter("name", of: value)
                fileName = parameter("filename", of: value)
            case "content-type": type = value
            default: break
            }
        }
        return name.map { Part(name: $0, fileName: fileName, type: type, bytes: bytes) }
    }

    /// The value of `; name=value` in a header.
    private static func parameter(_ name: String, of header: String) -> String? {
        for part in header.split(separator: ";").dropFirst() {
            let pair = part.split(separator: "=", maxSplits: 1)
            guard pair.count == 2, pair[0].trimmingCharacters(in: .whitespaces).lowercased() == name else {
                continue
            }
            let value = pair[1].trimmingCharacters(in: .whitespaces)
            return value.hasPrefix("\"") && value.hasSuffix("\"") && value.count >= 2
                ? String(value.dropFirst().dropLast()) : value
        }
        return nil
    }

    private static func index(of bytes: [UInt8], in body: ByteBuffer, from start: Int) -> Int? {
        // The wanted bytes begin with one that is rare in pictures' files.
        let view = body.readableBytesView
        var place = start
        while place + bytes.count <= view.endIndex,
            let next = view[place...].firstIndex(of: bytes[0]), next + bytes.count <= view.endIndex
        {
            if view[next...].starts(with: bytes) { return next }
            place = next + 1
        }
        return nil
    }
}
