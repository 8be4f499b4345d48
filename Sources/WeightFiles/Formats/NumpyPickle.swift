/// A plain pickle of a dictionary of numpy arrays (`.pkl`), as in detectron2's model zoo, memory-mapped.
///
/// Three formats are supported (detectron2/checkpoint/detection_checkpoint.py): `{"model": arrays, "__author__": …,
/// "matching_heuristics": …}`, Caffe2's `{"blobs": arrays}`, and the arrays themselves. The tensors have the names of
/// the arrays, without a prefix.
public struct NumpyPickle: WeightSource {
    /// The path of the file.
    public let origin: String

    /// The whole dictionary.
    public let root: PickleValue

    /// The author of the file (`__author__`), if stated.
    public let author: String?

    /// Whether names are to be matched by their longest common suffixes, as detectron2 does for files of other
    /// libraries (`matching_heuristics`, and all Caffe2 files).
    public let usesMatchingHeuristics: Bool

    private let tensors: FlattenedTensors

    /// The names of the arrays, in the order of the dictionary.
    public var keys: [String] { tensors.keys }

    /// Opens a file and reads its description. Arrays stay in place in the mapped file, except for those that protocol
    /// 2 wrote as text or that have the other byte order.
    ///
    /// - Throws: ``WeightFileError`` if the file is not a pickle of a dictionary, is damaged, or names any constructor
    ///   other than those of arrays and containers.
    public init(contentsOf path: String) throws {
        try self.init(storage: .mapping(file: path), origin: path)
    }

    /// Like ``init(contentsOf:)``, from bytes in memory; messages call them `origin`.
    public init(storage: TensorStorage, origin: String) throws {
        var unpickler = try Unpickler(bytes: storage, fileSize: storage.byteCount, origin: origin)
        let id = try unpickler.run()
        guard unpickler.cursor.remaining == 0 else {
            throw unpickler.failure("\(unpickler.cursor.remaining) bytes follow the end of the pickle")
        }
        let graph = try PickleGraph(unpickler) { _, pickled, _ in
            throw WeightFileError(
                file: origin, place: "storage '\(pickled.key)'",
                reason: "is a torch tensor in a plain pickle; save the file with torch.save")
        }
        let root = PickleValue(graph: graph, id: id)
        guard root.items != nil else {
            throw WeightFileError(file: origin, reason: "is a pickle, but not of a dictionary of arrays")
        }
        let blobs = root["model"] == nil ? root["blobs"] : nil
        self.origin = origin
        self.root = root
        author = root["__author__"]?.string ?? (blobs == nil ? nil : "Caffe2")
        usesMatchingHeuristics = root["matching_heuristics"]?.boolean ?? (blobs != nil)
        tensors = try FlattenedTensors(root: root["model"] ?? blobs ?? root)
    }

    /// The array called `name`.
    ///
    /// - Throws: ``WeightFileError`` if there is none, or its type is not a ``DType``.
    public func tensor(named name: String) throws -> StoredTensor {
        guard let tensor = try tensors.tensor(named: name) else { throw missing(name) }
        return tensor
    }
}
