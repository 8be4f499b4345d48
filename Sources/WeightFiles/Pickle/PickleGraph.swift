/// The values of a pickle whose tensors are complete.
final class PickleGraph: Sendable {
    let contents: PickleContents

    /// What messages call the file.
    let origin: String

    /// What walking the values may still take.
    let budget: MemoryBudget

    /// The values that `unpickler` has read. Every tensor gets its bytes: `storage` is asked once for each
    /// storage that the pickle names, and counts what it needs.
    ///
    /// - Throws: ``WeightFileError`` when a storage is missing or of another size, or a tensor lies outside
    ///   of its storage.
    init(
        _ unpickler: Unpickler,
        storage: (Int, PickledStorage, inout MemoryBudget) throws -> TensorStorage
    ) throws {
        var contents = unpickler.contents
        var budget = unpickler.budget
        let origin = unpickler.origin
        let storages = try contents.storages.enumerated().map { index, pickled in
            let found = try storage(index, pickled, &budget)
            guard found.byteCount == pickled.byteCount else {
                throw WeightFileError(
                    file: origin, place: "storage '\(pickled.key)'",
                    reason: "has \(found.byteCount) bytes where \(pickled.count) elements of "
                        + "\(pickled.type.name) are announced; the file is cut off or damaged")
            }
            return found
        }
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
                    tensor.byteCount <= budget.limit
                    ? .stored(tensor, storage: number)
                    : .unsupported("its \(tensor.byteCount) bytes are an expansion of a far smaller file")
            case .empty: contents.tensors[index] = .unsupported("is a numpy array without contents")
            case .stored, .unsupported: break
            }
        }
        self.contents = contents
        self.origin = origin
        self.budget = budget
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
