import Support

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

extension PyTorchArchive {
    /// Writes a checkpoint that `torch.load(path, weights_only=True)` reads.
    ///
    /// Tensors are written as they lie in memory, with their strides; those that share memory share it in the
    /// file too, and only the part of it that they use is written. No bytes are copied on the way. The file
    /// takes the place of an earlier one only when it is complete.
    ///
    /// - Throws: ``WeightFileError`` when a dictionary has a key twice, values are nested deeper than 100
    ///   levels, or the file cannot be written; an earlier file is then as it was.
    public static func write(_ value: CheckpointValue, to path: String) throws {
        try write(value, to: path, zip64Threshold: Int(UInt32.max))
    }

    /// Writes a state_dict: `tensors` under their names.
    ///
    /// - Throws: as ``write(_:to:)-(CheckpointValue,_)``.
    public static func write(_ tensors: [StoredTensor], to path: String) throws {
        try write(.tensors(tensors), to: path)
    }

    static func write(_ value: CheckpointValue, to path: String, zip64Threshold: Int) throws {
        let pickler = try CheckpointPickler(value, path: path)
        try AtomicFile.writeWeights(to: path) { file in
            var zip = ZipWriter(zip64Threshold: zip64Threshold)
            try pickler.bytes.withUnsafeBytes { try zip.add("archive/data.pkl", $0, to: &file) }
            try Array("little".utf8).withUnsafeBytes { try zip.add("archive/byteorder", $0, to: &file) }
            for (index, storage) in pickler.storages.enumerated() {
                try storage.withUnsafeBytes { try zip.add("archive/data/\(index)", $0, to: &file) }
            }
            try Array("3\n".utf8).withUnsafeBytes { try zip.add("archive/version", $0, to: &file) }
            try zip.finish(&file)
        }
    }
}

/// Whether the checksums of an archive's tensors are compared with their bytes.
///
/// Everything else of an archive, such as the description of its tensors, is always compared.
public enum ChecksumPolicy: Sendable, Hashable {
    /// When a tensor is first asked for, all bytes of its record are read and compared.
    case verified

    /// Not compared: for files saved without checksums (`torch.serialization.set_crc32_options(False)`).
    case ignored
}
