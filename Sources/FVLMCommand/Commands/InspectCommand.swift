import ArgumentParser
import Foundation
import Support
import WeightFiles

/// `fvlm inspect`
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        .inspect,
        discussion: """
            Reads safetensors, PyTorch's .pt, .pth and .bin, TorchScript archives, detectron2's .pkl, index files of \
            sharded weights, and folders that contain one of these. Nothing in a file is executed.

            Example:
              fvlm inspect model.safetensors --filter attn
            """)

    @Argument(help: "The file or folder.", completion: .file())
    var file: String

    @Option(help: "List only tensors whose name contains this text.")
    var filter: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    private struct Output: Encodable {
        struct Entry: Encodable {
            let name: String
            let dtype: String
            let shape: [Int]
            let bytes: Int
        }

        let file: String
        let tensors: [Entry]
        let parameters: Int
        let bytes: Int
        let metadata: [String: String]
    }

    @OptionGroup var messages: MessageArguments

    func run() throws {
        let source = try WeightFile.open(file)
        let keys = source.keys.filter { key in filter.map { key.contains($0) } ?? true }
        let tensors = try keys.map { try source.tensor(named: $0) }
        let parameters = tensors.reduce(0) { $0 + $1.count }
        let bytes = tensors.reduce(0) { $0 + $1.byteCount }
        let metadata = (source as? Safetensors)?.metadata ?? [:]
        if json {
            let output = Output(
                file: source.origin,
                tensors: tensors.map {
                    .init(name: $0.name, dtype: $0.dtype.rawValue, shape: $0.shape, bytes: $0.byteCount)
                }, parameters: parameters, bytes: bytes, metadata: metadata)
            try StandardOutput.print(JSONText.line(output))
            return
        }
        var rows = [["tensor", "type", "shape", "bytes"]]
        for tensor in tensors {
            rows.append([tensor.name, tensor.dtype.rawValue, "\(tensor.shape)", "\(tensor.byteCount)"])
        }
        try StandardOutput.print(TextTable(rows, leftAligned: 3).text, terminator: "")
        try StandardOutput.print("\(tensors.count) tensors, \(parameters) elements, \(bytes) bytes")
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            let shown = value.count > 200 ? value.prefix(200) + "… (\(value.count) characters)" : value
            try StandardOutput.print("\(key): \(shown)")
        }
    }
}
