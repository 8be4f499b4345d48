import Support

/// A checkpoint written by `torch.save` (`.pt`, `.pth`, `.bin`), memory-mapped.
///
/// Tensors are named by the keys that lead to them, joined by dots: a bare state_dict has its own names, one under the
/// key `model` has names that start with `model.`. Everything else in the checkpoint, such as an epoch number, is
/// available through ``root``. Both of torch's file formats are read: zip archives, and the single stream of versions
/// before 1.6.
public struct PyTorchArchive: WeightSource {
    /// The path of the file.
    public let origin: String

    /// The whole checkpoint.
    ///
    /// Tensors obtained from it are not compared with their checksums; those of ``tensor(named:)`` are.
    public let root: PickleValue

    private let tensors: FlattenedTensors

    /// Nil for a file of the old format, which has no checksums.
    private let records: TorchRecords?

    /// The names of the tensors, in the order of the checkpoint.
    public var keys: [String] { tensors.keys }

    /// Opens a file and reads its description; the bytes of tensors are read when they are used.
    ///
    /// - Throws: ``WeightFileError`` if the file was not written by torch, is damaged, or contains anything other than
    ///   tensors, numbers, text, lists and dictionaries.
    public init(contentsOf path: String, checksums: ChecksumPolicy = .verified) throws {
        try self.init(storage: .mapping(file: path), origin: path, checksums: checksums)
    }

    /// Like ``init(contentsOf:checksums:)``, from bytes in memory; messages call them `origin`.
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
    /// - Throws: ``WeightFileError`` if there is none, its element type is not a ``DType``, or its bytes do not match
    ///   the archive's checksum.
    public func tensor(named name: String) throws -> StoredTensor {
        guard let tensor = try tensors.tensor(named: name) else { throw missing(name) }
        if let storage = tensors.storage(ofTensorNamed: name) { try records?.verify(storage: storage) }
        return tensor
    }
}

extension PyTorchArchive {
    /// Writes a checkpoint that `torch.load(path, weights_only=True)` reads.
    ///
    /// Tensors are written as they are in memory, with their strides; tensors that share memory share it in the file
    /// too, and only the part that they use is written. No bytes are copied on the way. The file replaces an earlier
    /// one only when it is complete.
    ///
    /// - Throws: ``WeightFileError`` if a dictionary has a duplicate key, values are nested deeper than 100 levels, or
    ///   the file cannot be written; an earlier file is then unchanged.
    public static func write(_ value: CheckpointValue, to path: String) throws {
        try write(value, to: path, zip64Threshold: Int(UInt32.max))
    }

    /// Writes a state_dict: `tensors` under their names.
    ///
    /// - Throws: ``WeightFileError``; see ``write(_:to:)-(CheckpointValue,_)``.
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
/// Everything else in an archive, such as the description of its tensors, is always compared.
public enum ChecksumPolicy: Sendable, Hashable {
    /// When a tensor is first requested, all bytes of its record are read and compared.
    case verified

    /// Not compared: for files saved without checksums (`torch.serialization.set_crc32_options(False)`).
    case ignored
}
