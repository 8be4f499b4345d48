/// A checkpoint of Flax: MessagePack maps of maps with arrays as leaves, memory-mapped.
///
/// Names are the keys that lead to an array, joined by slashes. Arrays are extension type 1 (shape, NumPy's name of the
/// element type, bytes); large ones come in chunks (`flax/serialization.py`). Nothing of a file is run.
public struct FlaxCheckpoint: WeightSource {
    /// The path of the file.
    public let origin: String

    /// The names of the arrays, in the file's order.
    public let keys: [String]

    private let arrays: [String: FlaxArray]

    /// Opens and checks a file; arrays' bytes are read when they are used.
    /// - Throws: ``WeightFileError`` when the file cannot be read, is cut off, or holds what a checkpoint does not.
    public init(contentsOf path: String) throws {
        try self.init(storage: try .mapping(file: path), origin: path)
    }

    /// As ``init(contentsOf:)``, from bytes in memory; `origin` is what messages call them.
    public init(storage: TensorStorage, origin: String) throws {
        self.origin = origin
        var reader = FlaxReader(storage, origin: origin)
        let found = try reader.run()
        keys = found.map(\.name)
        arrays = Dictionary(found.map { ($0.name, $0.array) }, uniquingKeysWith: { first, _ in first })
    }

    /// The array called `name`; the chunks of a large one are put together.
    public func tensor(named name: String) throws -> StoredTensor {
        guard let array = arrays[name] else { throw missing(name) }
        return try array.stored(named: name, origin: origin)
    }
}

/// An array of a checkpoint: one piece of the file, or several to be put together.
struct FlaxArray: Sendable {
    let shape: [Int]
    let dtype: DType
    let pieces: [TensorStorage]

    func stored(named name: String, origin: String) throws -> StoredTensor {
        let storage: TensorStorage
        if pieces.count == 1 {
            storage = pieces[0]
        } else {
            storage = TensorStorage(byteCount: pieces.reduce(0) { $0 + $1.byteCount }) { target in
                var position = 0
                for piece in pieces {
                    piece.withUnsafeBytes { bytes in
                        UnsafeMutableRawBufferPointer(rebasing: target[position..<position + bytes.count])
                            .copyMemory(from: bytes)
                    }
                    position += piece.byteCount
                }
            }
        }
        return try StoredTensor(name: name, dtype: dtype, shape: shape, storage: storage)
    }
}
