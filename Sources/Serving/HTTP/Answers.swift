import DetectionResults
import HTTPTypes
import Hummingbird
import NIOCore
import Support

/// The bodies of answers.
enum Answers {
    static func text(_ text: String, type: String = "application/json", status: Int = 200) -> Response {
        bytes(Array(text.utf8), type: type, status: status)
    }

    static func bytes(_ bytes: [UInt8], type: String, status: Int = 200) -> Response {
        Response(
            status: HTTPResponse.Status(code: status), headers: [.contentType: type],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    static func json(_ value: some Encodable, status: Int = 200) throws -> Response {
        text(try JSONText.line(value) + "\n", status: status)
    }

    private struct Fault: Encodable {
        let error: String
        let request_id: String
    }

    static func fault(_ fault: RequestFault, id: String) -> Response {
        let text =
            (try? JSONText.line(Fault(error: fault.reason, request_id: id))) ?? "{\"error\":\"unknown\"}"
        var response = self.text(text + "\n", status: fault.status)
        if let seconds = fault.retrySeconds { response.headers[.retryAfter] = String(seconds) }
        if fault.status == 401 { response.headers[.wwwAuthenticate] = "Bearer" }
        return response
    }

    /// A line for each picture, as `fvlm detect --json` writes them.
    static func detections(_ answers: [DetectionService.Answer], includesMasks: Bool) throws -> [UInt8] {
        var bytes: [UInt8] = []
        for answer in answers {
            let result = try PictureResult(
                answer.name, answer.size, answer.detections, includesMasks: includesMasks,
                presence: answer.presence)
            bytes += Array(try result.line().utf8) + [0x0A]
        }
        return bytes
    }

    /// The header `Server-Timing`, in milliseconds.
    static func timing(_ times: DetectionService.Times) -> String {
        [("decoding", times.decoding), ("queue", times.waited), ("network", times.network)].map {
            "\($0.0);dur=\(NumberText.decimals($0.1 * 1000, 2))"
        }.joined(separator: ", ")
    }
}
