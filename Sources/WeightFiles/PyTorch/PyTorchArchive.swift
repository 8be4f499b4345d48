/// A checkpoint that `torch.save` wrote (`.pt`, `.pth`, `.bin`), memory-mapped.
///
/// Tensors are named by the keys that lead to them, joined by dots: a bare state_dict has its own names,
/// one under the key `model` has names that start with `model.`. Everything else of the checkpoint, such as
/// an epoch's number, is reached by ``root``. Both forms of torch's files are read: zip archives, and the
/// single stream of versions before 1.6.
public struct PyTorchArchive: WeightSource {
    /// The path of the file.
    public let origin: String

    /// The whole checkpoint.
    ///
    /// Tensors that are reached by it are not compared with their checksums; those of ``tensor(named:)`` are.
    public let root: PickleValue

    private let tensors: FlattenedTensors

    /// Nil for a file of the old form, which has no checksums.
    private let records: TorchRecords?

    /// The names of the tensors, in the order of the checkpoint.
    public var keys: [String] { tensors.keys }

    /// Opens a file and reads its description; tensors' bytes are read when they are used.
    ///
    /// - Throws: ``WeightFileError`` when the file is not one of torch's, is damaged, or holds anything else
    ///   than tensors, numbers, text, lists and dictionaries.
    public init(contentsOf path: String, checksums: ChecksumPolicy = .verified) throws {
        try self.init(storage: .mapping(file: path), origin: path, checksums: checksums)
    }

    /// As ``init(contentsOf:checksums:)``, from bytes in memory; `origin` is what messages call them.
    public init(storage: TensorStorage, origin: String, checksums: ChecksumPolicy = .verified) throws {
        if LegacyTorchFile.recognizes(storage) {
            try self.init(legacy: storage, origin: origin)
        } else {
            try self.init(zip: ZipArchive(storage: storage, origin: origin), checksums: checksums)
        }
    }

    private init(legacy storage: TensorStorage, origin: String) throws {
        self.origin = origin
        records = nil
        root = try LegacyTorchFile.read(storage, origin: origin)
        tensors = try FlattenedTensors(root: root)
    }

    init(zip: ZipArchive, checksums: ChecksumPolicy) throws {
        guard !TorchRecords.isTorchScript(zip) else {
            throw WeightFileError(
                file: zip.origin, reason: "is a TorchScript archive, not a checkpoint; open it as one")
        }
        let records = try TorchRecords(zip: zip, checksums: checksums)
        origin = zip.origin
        self.records = records
        root = try records.graph(allowsScriptClasses: false)
        tensors = try FlattenedTensors(root: root)
    }

    /// The tensor called `name`, in place in the mapped file.
    ///
    /// - Throws: ``WeightFileError`` when there is none, its element type is not of ``DType``, or its bytes
    ///   do not match the archive's checksum.
    public func tensor(named name: String) throws -> StoredTensor {
        guard let tensor = try tensors.tensor(named: name) else { throw missing(name) }
        if let storage = tensors.storage(ofTensorNamed: name) { try records?.verify(storage: storage) }
        return tensor
    }
}
