/// The values of a pickle whose tensors are complete.
final class PickleGraph: Sendable {
    let contents: PickleContents

    /// What messages call the file.
    let origin: String

    /// The bound of what walking the values may take.
    let fileSize: Int

    /// Gives every tensor its bytes: `storage` is asked once for each storage that the pickle names.
    ///
    /// - Throws: ``WeightFileError`` when a storage is missing or of another size, or a tensor lies outside
    ///   of its storage.
    init(
        _ contents: PickleContents, origin: String, fileSize: Int,
        storage: (Int, PickledStorage) throws -> TensorStorage
    ) throws {
        var contents = contents
        let storages = try contents.storages.enumerated().map { index, pickled in
            let found = try storage(index, pickled)
            guard found.byteCount == pickled.byteCount else {
                throw WeightFileError(
                    file: origin, place: "storage '\(pickled.key)'",
                    reason: "has \(found.byteCount) bytes where \(pickled.count) elements of "
                        + "\(pickled.type.name) are announced; the file is cut off or damaged")
            }
            return found
        }
        let limit = MemoryBudget(fileSize: fileSize).limit
        for index in contents.tensors.indices {
            switch contents.tensors[index] {
            case .view(let number, let dtype, let offset, let shape, let strides):
                let tensor: StoredTensor
                do {
                    tensor = try StoredTensor(
                        name: "", dtype: dtype, shape: shape, strides: strides, storage: storages[number],
                        storageOffset: offset)
                } catch let error as WeightFileError {
                    throw WeightFileError(
                        file: origin, place: "tensor in storage '\(contents.storages[number].key)'",
                        reason: error.reason)
                }
                // A view may repeat its elements (stride 0) and be far larger than the file once packed.
                contents.tensors[index] =
                    tensor.byteCount <= limit
                    ? .stored(tensor, storage: number)
                    : .unsupported("its \(tensor.byteCount) bytes are an expansion of a far smaller file")
            case .empty: contents.tensors[index] = .unsupported("is a numpy array without contents")
            case .stored, .unsupported: break
            }
        }
        self.contents = contents
        self.origin = origin
        self.fileSize = fileSize
    }

    /// The tensor of this number under a name.
    func tensor(_ index: Int, name: String) throws -> StoredTensor {
        switch contents.tensors[index] {
        case .stored(var tensor, _):
            tensor.name = name
            return tensor
        case .unsupported(let reason): throw WeightFileError(file: origin, place: "'\(name)'", reason: reason)
        case .empty, .view: throw WeightFileError(file: origin, place: "'\(name)'", reason: "is incomplete")
        }
    }
}
