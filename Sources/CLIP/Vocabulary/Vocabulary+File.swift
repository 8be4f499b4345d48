import Foundation
import Support
import Torch
import WeightFiles

extension Vocabulary {
    /// The name of the format in the metadata of a vocabulary file.
    static let fileFormat = "fvlm-vocabulary"

    /// Writes a safetensors file: `embeddings` [K, E] and, if there is a background, `background` [E]; its metadata
    /// contain `format`, `version`, `clip` and `article`, `classes` (with `categoryID` where known) and `templates` as
    /// JSON, and the phrase `background`. Rows for a detector's own tower are `detectorEmbeddings` [K, E], in version 2, groups
    /// with a softmax of their own make version 3: earlier programs refuse what they would get wrong.
    /// - Throws: `WeightFileError` if the file cannot be written; an existing file is then unchanged.
    public func write(to path: String) throws {
        var tensors = [try embeddings.stored(named: "embeddings")]
        let version = !softmaxGroups.isEmpty ? "3" : detectorEmbeddings != nil ? "2" : "1"
        var metadata = [
            "format": Self.fileFormat, "version": version,
            "clip": clip.description,
            "article": article.rawValue,
            "classes": try JSONText.line(classes), "templates": try JSONText.line(templates),
        ]
        if let detectorEmbeddings {
            tensors.append(try detectorEmbeddings.stored(named: "detectorEmbeddings"))
        }
        if let background {
            tensors.append(try background.embedding.stored(named: "background"))
            metadata["background"] = background.phrase
        }
        try Safetensors.write(tensors, metadata: metadata, to: path)
    }

    /// Reads a file written by ``write(to:)``.
    /// - Throws: ``CLIPError`` or `WeightFileError` if the file is not a vocabulary or is inconsistent.
    public init(contentsOf path: String) throws {
        let file = try Safetensors(contentsOf: path)
        guard file.metadata["format"] == Self.fileFormat else {
            throw CLIPError(path, reason: "is not a vocabulary; create one with fvlm vocabulary build")
        }
        guard let version = file.metadata["version"], ["1", "2", "3"].contains(version) else {
            throw CLIPError(
                path,
                reason: "has vocabulary version \(file.metadata["version"] ?? "none"); supported are 1 to 3")
        }
        func decoded<Value: Decodable>(_ key: String, _ type: Value.Type) throws -> Value {
            do {
                return try JSONText.value(of: Array((file.metadata[key] ?? "").utf8))
            } catch { throw CLIPError(path, reason: "its metadata \"\(key)\" cannot be read") }
        }
        func floats(_ name: String) throws -> Tensor {
            let tensor = try Tensor(file.tensor(named: name)).clone()
            guard try tensor.dtype == .float32, try tensor.isFinite().all().item() != 0 else {
                throw CLIPError(path, reason: "'\(name)' must consist of finite float32 numbers")
            }
            return tensor
        }
        guard let article = Article(rawValue: file.metadata["article"] ?? "") else {
            throw CLIPError(path, reason: "its metadata \"article\" cannot be read")
        }
        guard let clip = file.metadata["clip"] else {
            throw CLIPError(path, reason: "does not name the CLIP that made it")
        }
        do {
            try self.init(
                stored: decoded("classes", [Class].self), templates: decoded("templates", [String].self),
                article: article, embeddings: floats("embeddings"),
                detectorEmbeddings: file.keys.contains("detectorEmbeddings")
                    ? floats("detectorEmbeddings") : nil,
                background: file.metadata["background"].map {
                    Background(phrase: $0, embedding: try floats("background"))
                }, clip: CLIPIdentity(clip))
        } catch let error as CLIPError where error.subject == "vocabulary" {
            throw CLIPError(path, reason: error.reason)
        }
    }
}
