import Torch
import WeightFiles

/// Weights for other programs.
public enum WeightExport {
    /// Writes weights as a safetensors file or a PyTorch file, by the path's ending (`.safetensors`, `.pth`, `.pt`).
    /// - Parameter name: The file's key for a parameter's name, such as detectron2's; nil leaves the parameter out.
    /// - Throws: ``TrainingError`` for another ending and for two parameters with one key; `WeightFileError`.
    public static func write(
        _ parameters: ParameterStore, to path: String, naming name: (String) -> String? = { $0 }
    ) throws {
        var keys: [String: String] = [:]
        let tensors = try parameters.parameters.compactMap { parameter -> StoredTensor? in
            guard let key = name(parameter.name) else { return nil }
            if let other = keys.updateValue(parameter.name, forKey: key) {
                throw TrainingError(path, "\(other) and \(parameter.name) would both be called \(key)")
            }
            return try parameter.value.stored(named: key)
        }
        try write(tensors, to: path)
    }

    /// Writes tensors as a safetensors file or a PyTorch file, by the path's ending.
    /// - Throws: As ``write(_:to:naming:)``.
    public static func write(_ tensors: [StoredTensor], to path: String) throws {
        if path.hasSuffix(".safetensors") {
            try Safetensors.write(tensors, metadata: ["format": "pt"], to: path)
        } else if path.hasSuffix(".pth") || path.hasSuffix(".pt") {
            try PyTorchArchive.write(["model": .tensors(tensors)], to: path)
        } else {
            throw TrainingError(path, "must end in .safetensors, .pth or .pt")
        }
    }
}
