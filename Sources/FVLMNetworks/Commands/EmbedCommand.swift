import ArgumentParser
import CLIP
import FVLMCommand
import Support
import Torch
import WeightFiles

/// `fvlm embed`
struct EmbedCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        .embed,
        subcommands: [EmbedImageCommand.self, EmbedTextCommand.self])

    /// Writes embeddings, with their names in the metadata.
    static func write(_ embeddings: Tensor, names: [String], of model: CLIPModel, to path: String) throws {
        let metadata = try [
            "names": JSONText.line(names), "clip": model.identity().description,
            "format": "fvlm-embeddings",
        ]
        try Safetensors.write(
            [embeddings.stored(named: "embeddings")], metadata: metadata, to: path)
    }

    /// Prints one JSON object per line.
    static func printLines(_ embeddings: Tensor, names: [String], key: String) throws {
        let width = try embeddings.size(1)
        let values = try embeddings.array(of: Float.self)
        for (row, name) in names.enumerated() {
            guard values[row * width..<(row + 1) * width].allSatisfy(\.isFinite) else {
                throw CLIPError(name, reason: "has an embedding that is NaN or infinite")
            }
            let numbers = values[row * width..<(row + 1) * width].map { "\($0)" }.joined(separator: ",")
            try StandardOutput.print("{\"\(key)\":\(try JSONText.line(name)),\"embedding\":[\(numbers)]}")
        }
    }
}
