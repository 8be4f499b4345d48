/// The parameters and buffers of a TorchScript archive (`torch.jit.save`), memory-mapped.
///
/// OpenAI's published CLIP weights are such archives. Their tensors are named by the attributes that lead to them
/// (`visual.conv1.weight`), as in a state_dict, including tensors that are plain attributes. The code in the archive is
/// ignored.
public struct TorchScriptArchive: WeightSource {
    /// The path of the file.
    public let origin: String

    /// The module with all attributes.
    ///
    /// Tensors obtained from it are not compared with their checksums; those of ``tensor(named:)`` are.
    public let root: PickleValue

    private let tensors: FlattenedTensors
    private let records: TorchRecords

    /// The names of the tensors, in the order of the archive.
    public var keys: [String] { tensors.keys }

    /// Opens a file and reads its description; the bytes of tensors are read when they are used.
    ///
    /// - Throws: ``WeightFileError`` if the file is not a TorchScript archive or is damaged.
    public init(contentsOf path: String, checksums: ChecksumPolicy = .verified) throws {
        try self.init(storage: .mapping(file: path), origin: path, checksums: checksums)
    }

    /// Like ``init(contentsOf:checksums:)``, from bytes in memory; messages call them `origin`.
    public init(storage: TensorStorage, origin: String, checksums: ChecksumPolicy = .verified) throws {
        try self.init(zip: ZipArchive(storage: storage, origin: origin), checksums: checksums)
    }

    init(zip: ZipArchive, checksums: ChecksumPolicy) throws {
        guard TorchRecords.isTorchScript(zip) else {
            throw WeightFileError(
                file: zip.origin, reason: "is not a TorchScript archive; it has no constants.pkl")
        }
        origin = zip.origin
        records = try TorchRecords(zip: zip, checksums: checksums)
        root = try records.graph(allowsScriptClasses: true)
        tensors = try FlattenedTensors(root: root)
    }

    /// The tensor called `name`, in place in the mapped file.
    ///
    /// - Throws: ``WeightFileError``; see ``PyTorchArchive/tensor(named:)``.
    public func tensor(named name: String) throws -> StoredTensor {
        guard let tensor = try tensors.tensor(named: name) else { throw missing(name) }
        if let storage = tensors.storage(ofTensorNamed: name) { try records.verify(storage: storage) }
        return tensor
    }
}
