import Foundation
import Support

/// Weights in several files, with an index that maps tensors to files (`model.safetensors.index.json`,
/// `pytorch_model.bin.index.json` of Hugging Face).
public struct ShardedWeights: WeightSource {
    /// The path of the index.
    public let origin: String

    /// The names of the tensors, in the order of the index.
    public let keys: [String]

    /// The names of the files, sorted.
    public let files: [String]

    private let sources: [String: any WeightSource]
    private let fileOfTensor: [String: String]

    /// Opens the index and all files that it names, which must be in the same folder.
    ///
    /// - Throws: ``WeightFileError`` if the index is invalid, a file is missing or broken, or the files do not have
    ///   exactly the tensors that the index lists.
    public init(contentsOf path: String) throws {
        let storage = try TensorStorage.mapping(file: path)
        let index = try Self.index(storage, origin: path)
        let folder = Path.parent(path)
        let files = Set(index.map(\.file)).sorted()
        var sources: [String: any WeightSource] = [:]
        for file in files {
            guard !file.isEmpty, file != "..", file != ".", !file.contains("/"), !file.contains("\\") else {
                throw WeightFileError(
                    file: path, place: file.debugDescription,
                    reason: "is not the name of a file next to the index")
            }
            let source = try WeightFile.open(Path.join(folder, file))
            guard !(source is ShardedWeights) else {
                throw WeightFileError(file: path, place: file.debugDescription, reason: "is an index itself")
            }
            sources[file] = source
        }
        fileOfTensor = Dictionary(index.map { ($0.name, $0.file) }, uniquingKeysWith: { first, _ in first })
        for file in files {
            let listed = Set(index.lazy.filter { $0.file == file }.map(\.name))
            let found = Set(sources[file]?.keys ?? [])
            let wrong = listed.symmetricDifference(found).sorted()
            guard wrong.isEmpty else {
                throw WeightFileError(
                    file: path, place: file.debugDescription,
                    reason: "\(wrong.count) tensors are listed but missing, or present but not listed: "
                        + wrong.prefix(5).joined(separator: ", "))
            }
        }
        origin = path
        keys = index.map(\.name)
        self.files = files
        self.sources = sources
    }

    private static func index(_ storage: TensorStorage, origin: String) throws -> [(
        name: String, file: String
    )] {
        var index: [(name: String, file: String)] = []
        var hasMap = false
        var budget = MemoryBudget(fileSize: storage.byteCount)
        do {
            try storage.withUnsafeBytes { bytes in
                var reader = JSONReader(bytes)
                try reader.object { reader, key in
                    if key == "weight_map" {
                        hasMap = true
                        try reader.object { reader, name in
                            let file = try reader.string()
                            guard budget.spend(160 + name.utf8.count + file.utf8.count) else {
                                throw reader.failure("more names than the file's size allows for")
                            }
                            index.append((name, file))
                        }
                    } else {
                        try reader.skip()
                    }
                }
                try reader.expectEnd()
            }
        } catch let error as JSONReader.Failure {
            throw WeightFileError(file: origin, place: "byte \(error.position)", reason: error.reason)
        }
        guard hasMap else {
            throw WeightFileError(
                file: origin, reason: "is JSON without \"weight_map\", not an index of weight files")
        }
        return index
    }

    /// The tensor called `name`, from the file that contains it.
    public func tensor(named name: String) throws -> StoredTensor {
        guard let file = fileOfTensor[name], let source = sources[file] else { throw missing(name) }
        return try source.tensor(named: name)
    }
}
