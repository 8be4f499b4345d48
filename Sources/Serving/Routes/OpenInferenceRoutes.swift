import CLIP
import DetectionResults
import FVLM
import Foundation
import HTTPTypes
import Hummingbird
import Imaging
import NIOCore
import Support

/// `/v2`: the Open Inference Protocol, as Triton's and KServe's clients speak it, with its binary extension.
///
/// Inputs: `image`, BYTES [n], encoded pictures; `classes`, BYTES [k], words. Parameters: `score_threshold`, `limit`,
/// `vocabulary`, `masks`. Outputs, d objects of all pictures: `boxes`, FP32 [d, 4], x1, y1, x2, y2 in pixels; `scores`, FP32 [d];
/// `labels`, BYTES [d]; `image_index`, INT32 [d]; and, where masks are asked for, `masks`, BYTES [d], JSON of run lengths.
struct OpenInferenceRoutes {
    private static let name = "detector"

    static func add(to endpoints: Endpoints) {
        let service = endpoints.service
        let reader = RequestReader(service: service)
        endpoints.on(.get, "/v2", needsModel: false) { _, _ in
            Answers.text("{\"name\":\"fvlm\",\"version\":\"1\",\"extensions\":[\"binary_tensor_data\"]}\n")
        }
        endpoints.on(.get, "/v2/health/live", isOpen: true, needsModel: false) { _, _ in
            Answers.text("{\"live\":true}\n")
        }
        endpoints.on(.get, "/v2/health/ready", isOpen: true, needsModel: false) { _, _ in
            try service.slot.checkReady()
            return Answers.text("{\"ready\":true}\n")
        }
        for prefix in ["/v2/models/:model", "/v2/models/:model/versions/:version"] {
            endpoints.on(.get, prefix) { _, context in
                try check(context)
                return Answers.text(metadata + "\n")
            }
            endpoints.on(.get, prefix + "/ready") { _, context in
                try check(context)
                return Answers.text("{\"name\":\"\(name)\",\"ready\":true}\n")
            }
            endpoints.on(.post, prefix + "/infer") { request, context in
                try check(context)
                let body = try await reader.body(request, context)
                let call = try Call(body, headerLength: request.headers[.inferenceHeaderLength])
                let (answers, times) = try await service.answer(
                    call.wanted, for: context.record.current.client)
                context.record.update { $0.times = times }
                return try await service.offload { try call.response(answers) }
            }
        }
    }

    private static func check(_ context: ServerContext) throws {
        let version = context.parameters.get("version") ?? "1"
        guard context.parameters.get("model") == name, version == "1" else {
            throw RequestFault(404, "there is one model here, '\(name)', version 1")
        }
    }

    private static let metadata = """
        {"name":"\(name)","versions":["1"],"platform":"fvlm","inputs":[\
        {"name":"image","datatype":"BYTES","shape":[-1]},{"name":"classes","datatype":"BYTES","shape":[-1]}],\
        "outputs":[{"name":"boxes","datatype":"FP32","shape":[-1,4]},{"name":"scores","datatype":"FP32","shape":[-1]},\
        {"name":"labels","datatype":"BYTES","shape":[-1]},{"name":"image_index","datatype":"INT32","shape":[-1]},\
        {"name":"masks","datatype":"BYTES","shape":[-1]}]}
        """

    /// A request, read.
    private struct Call: Sendable {
        var wanted = DetectionRequest()
        private var id: String?
        /// The outputs that are asked for, and whether each is wanted in binary; nil: all.
        private var outputs: [(name: String, isBinary: Bool)]?
        private var isBinary = false

        init(_ body: ByteBuffer, headerLength: String?) throws {
            var body = body
            let count = try headerLength.map { text in
                guard let count = Int(text), (0...body.readableBytes).contains(count) else {
                    throw RequestFault.bad(
                        "Inference-Header-Content-Length is not the length of a part of the request")
                }
                return count
            }
            guard let head = body.readSlice(length: count ?? body.readableBytes) else {
                throw RequestFault.bad("the request is cut off")
            }
            let members = try RequestReader.object(head)
            if let value = members["id"] { id = try DetectionRequest.string(value, "id") }
            if case .object(let parameters)? = members["parameters"] {
                for (key, value) in parameters {
                    switch key {
                    case "binary_data_output": isBinary = try DetectionRequest.flag(value, key)
                    case "score_threshold", "limit", "vocabulary", "masks", "calibrated":
                        try wanted.set(key, value)
                    // What sequences, priorities and time-outs clients send.
                    default: break
                    }
                }
            }
            guard case .array(let inputs)? = members["inputs"] else {
                throw RequestFault.bad("inputs must be a list")
            }
            for input in inputs { try read(input, &body) }
            guard body.readableBytes == 0 else {
                throw RequestFault.bad("there is more after the last input")
            }
            if case .array(let items)? = members["outputs"] { outputs = try items.map(output) }
        }

        private func output(_ value: JSONValue) throws -> (name: String, isBinary: Bool) {
            guard case .object(let members) = value, let name = members["name"] else {
                throw RequestFault.bad("an output must be an object with a name")
            }
            let text = try DetectionRequest.string(name, "name")
            guard ["boxes", "scores", "labels", "image_index", "masks"].contains(text) else {
                throw RequestFault.bad("there is no output '\(text.prefix(60))'")
            }
            guard case .object(let parameters)? = members["parameters"], let flag = parameters["binary_data"]
            else {
                return (text, isBinary)
            }
            return (text, try DetectionRequest.flag(flag, "binary_data"))
        }

        private mutating func read(_ value: JSONValue, _ body: inout ByteBuffer) throws {
            guard case .object(let members) = value, case .string(let name)? = members["name"],
                case .string(let type)? = members["datatype"], case .array(let shape)? = members["shape"]
            else { throw RequestFault.bad("an input needs name, shape and datatype") }
            guard type == "BYTES" else {
                throw RequestFault.bad("the input '\(name.prefix(60))' must be of BYTES")
            }
            var expected = 1
            for side in shape {
                guard case .integer(let side) = side, (0...1_000_000).contains(side) else {
                    throw RequestFault.bad("a shape is a list of whole numbers")
                }
                let (product, isOver) = expected.multipliedReportingOverflow(by: side)
                guard !isOver else { throw RequestFault.bad("a shape is too large") }
                expected = product
            }
            var elements: [ByteBuffer] = []
            if case .object(let parameters)? = members["parameters"],
                case .integer(let size)? = parameters["binary_data_size"]
            {
                guard size >= 0, var part = body.readSlice(length: size) else {
                    throw RequestFault.bad("the binary data of '\(name.prefix(60))' are cut off")
                }
                while part.readableBytes > 0 {
                    guard let length = part.readInteger(endianness: .little, as: UInt32.self),
                        let element = part.readSlice(length: Int(length))
                    else { throw RequestFault.bad("the elements of '\(name.prefix(60))' are cut off") }
                    elements.append(element)
                }
            } else {
                guard case .array(let data)? = members["data"] else {
                    throw RequestFault.bad("the input '\(name.prefix(60))' has no data")
                }
                for item in data {
                    let text = try DetectionRequest.string(item, "data")
                    elements.append(
                        name == "image" ? try RequestReader.base64(text) : ByteBuffer(string: text))
                }
            }
            guard elements.count == expected else {
                throw RequestFault.bad(
                    "the input '\(name.prefix(60))' has \(elements.count) elements, its shape says \(expected)"
                )
            }
            switch name {
            case "image":
                wanted.pictures = elements.enumerated().map { SentPicture(name: "image \($0)", bytes: $1) }
            case "classes":
                try wanted.set("classes", .array(elements.map { .string(String(buffer: $0)) }))
            default:
                throw RequestFault.bad("there is no input '\(name.prefix(60))'; there are image and classes")
            }
        }

        func response(_ answers: [DetectionService.Answer]) throws -> Response {
            let objects = answers.enumerated().flatMap { place, answer in
                answer.detections.map { (place: place, size: answer.size, detection: $0) }
            }
            let all: [(name: String, isBinary: Bool)] =
                outputs
                ?? (["boxes", "scores", "labels", "image_index"] + (wanted.includesMasks ? ["masks"] : []))
                .map {
                    ($0, isBinary)
                }
            var (parts, binary) = ([String](), ByteBuffer())
            for output in all {
                let (type, shape): (String, String)
                switch output.name {
                case "boxes": (type, shape) = ("FP32", "[\(objects.count),4]")
                case "scores": (type, shape) = ("FP32", "[\(objects.count)]")
                case "image_index": (type, shape) = ("INT32", "[\(objects.count)]")
                default: (type, shape) = ("BYTES", "[\(objects.count)]")
                }
                var text = "{\"name\":\"\(output.name)\",\"datatype\":\"\(type)\",\"shape\":\(shape),"
                let numbers: [Float] =
                    switch output.name {
                    case "boxes":
                        objects.flatMap { object in
                            let box = object.detection.box
                            return [Float(box.x1), Float(box.y1), Float(box.x2), Float(box.y2)]
                        }
                    case "scores": objects.map(\.detection.score)
                    default: []
                    }
                let texts: [String] =
                    switch output.name {
                    case "labels": objects.map(\.detection.label)
                    case "masks":
                        try objects.map {
                            try CompressedMask($0.detection, in: $0.size).map { try JSONText.line($0) } ?? ""
                        }
                    default: []
                    }
                if output.isBinary {
                    var data = ByteBuffer()
                    for number in numbers { data.writeInteger(number.bitPattern, endianness: .little) }
                    if output.name == "image_index" {
                        for object in objects { data.writeInteger(Int32(object.place), endianness: .little) }
                    }
                    for text in texts {
                        data.writeInteger(UInt32(text.utf8.count), endianness: .little)
                        data.writeString(text)
                    }
                    text += "\"parameters\":{\"binary_data_size\":\(data.readableBytes)}}"
                    binary.writeBuffer(&data)
                } else {
                    let data: String =
                        switch output.name {
                        case "boxes", "scores": JSONText.list(numbers)
                        case "image_index":
                            "[" + objects.map { String($0.place) }.joined(separator: ",") + "]"
                        default: "[" + texts.map(JSONText.quoted).joined(separator: ",") + "]"
                        }
                    text += "\"data\":\(data)}"
                }
                parts.append(text)
            }
            var head = "{\"model_name\":\"\(name)\",\"model_version\":\"1\","
            if let id { head += "\"id\":\(JSONText.quoted(id))," }
            head += "\"outputs\":[" + parts.joined(separator: ",") + "]}"
            guard binary.readableBytes > 0 || all.contains(where: \.isBinary) else {
                return Answers.text(head)
            }
            var body = ByteBuffer(string: head)
            let count = body.readableBytes
            body.writeBuffer(&binary)
            return Response(
                status: .ok,
                headers: [
                    .contentType: "application/octet-stream", .inferenceHeaderLength: String(count),
                ], body: ResponseBody(byteBuffer: body))
        }
    }
}
