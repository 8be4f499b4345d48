/// The values of a pickle whose tensors are complete.
final class PickleGraph: Sendable {
    let contents: PickleContents

    /// The name of the file in messages.
    let origin: String

    /// The budget left for traversing the values.
    let budget: MemoryBudget

    /// Completes the values read by `unpickler`. Every tensor gets its bytes: `storage` is called once for each storage
    /// that the pickle names, and counts the memory it needs.
    ///
    /// - Throws: ``WeightFileError`` if a storage is missing or has another size, or a tensor is outside of its
    ///   storage.
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
                    reason: "has \(found.byteCount) bytes, but \(pickled.count) elements of "
                        + "\(pickled.type.name) are stated; the file is truncated or damaged")
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
                // A view may repeat its elements (stride 0) and be far larger than the file when packed.
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

    /// The tensor with this index under a name.
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

/// A value of a checkpoint: a number, text, a tensor, or a list or dictionary of values.
///
/// This is a light handle; its contents are created on demand.
public struct PickleValue: Sendable {
    /// The contents of a value.
    public enum Content: Sendable {
        /// `None`.
        case none
        /// `True` or `False`.
        case boolean(Bool)
        /// An integer of at most 64 bits.
        case integer(Int64)
        /// Creates a floating-point number.
        case real(Double)
        /// Creates a string.
        case text(String)
        /// Bytes.
        case bytes([UInt8])
        /// A list or set.
        case list([PickleValue])
        /// A tuple; also a `torch.Size`, complex number or slice, as its parts.
        case tuple([PickleValue])
        /// A dictionary, in the file's order.
        case dictionary([(key: PickleValue, value: PickleValue)])
        /// An object of a TorchScript archive: its class and its attributes.
        case object(className: String, state: PickleValue?)
        /// A tensor or numpy array or scalar, without a name.
        case tensor(StoredTensor)
        /// A description of anything else, including a tensor of an unsupported type.
        case other(String)
    }

    let graph: PickleGraph
    let id: PickleNodeID

    var node: PickleNode { graph.contents.nodes[Int(id)] }

    private func value(_ id: PickleNodeID) -> PickleValue { PickleValue(graph: graph, id: id) }

    /// The contents of the value; elements are not examined.
    public var content: Content {
        let contents = graph.contents
        switch node {
        case .none: return .none
        case .boolean(let value): return .boolean(value)
        case .integer(let value): return .integer(value)
        case .longInteger(let count): return .other("an integer of \(count) bytes")
        case .real(let value): return .real(value)
        case .text, .byteString:
            return contents.string(node).map { .text($0) } ?? .other("text that is not UTF-8")
        case .bytes, .decodedBytes:
            return .bytes(contents.storage(of: node)?.withUnsafeBytes { Array($0) } ?? [])
        case .tuple: return .tuple(elements.map { $0.map(value) } ?? [])
        case .list: return .list(elements.map { $0.map(value) } ?? [])
        case .dictionary: return .dictionary(items ?? [])
        case .object(let index):
            return .object(
                className: contents.objects[index].className, state: contents.objects[index].state.map(value))
        case .tensor(let index):
            switch contents.tensors[index] {
            case .stored(let tensor, _): return .tensor(tensor)
            case .unsupported(let reason): return .other(reason)
            case .empty, .view: return .other("an incomplete tensor")
            }
        case .storage: return .other("a storage")
        case .arrayType: return .other("a numpy type")
        case .global: return .other("a constructor")
        }
    }

    /// The indices of the elements of a tuple or list.
    var elements: ArraySlice<PickleNodeID>? {
        switch node {
        case .tuple(let first, let count): graph.contents.children[first..<first + count]
        case .list(let index): graph.contents.lists[index][...]
        default: nil
        }
    }

    /// Alternating keys and values of a dictionary or of an object's attributes.
    var pairs: [PickleNodeID]? {
        switch node {
        case .dictionary(let index): graph.contents.dictionaries[index]
        case .object(let index): graph.contents.objects[index].state.flatMap { value($0).dictionaryPairs }
        default: nil
        }
    }

    private var dictionaryPairs: [PickleNodeID]? {
        if case .dictionary(let index) = node { graph.contents.dictionaries[index] } else { nil }
    }

    /// The keys and values of a dictionary, or of an object's attributes; nil for other values.
    public var items: [(key: PickleValue, value: PickleValue)]? {
        pairs.map { pairs in
            stride(from: 0, to: pairs.count - 1, by: 2).map { (value(pairs[$0]), value(pairs[$0 + 1])) }
        }
    }

    /// The value under a text key of a dictionary or object; nil if there is none.
    public subscript(key: String) -> PickleValue? {
        guard let pairs else { return nil }
        for index in stride(from: 0, to: pairs.count - 1, by: 2)
        where value(pairs[index]).string == key {
            return value(pairs[index + 1])
        }
        return nil
    }

    /// The text; nil for other values.
    public var string: String? { graph.contents.string(node) }

    /// The integer; nil for other values.
    public var integer: Int? { if case .integer(let value) = node { Int(value) } else { nil } }

    /// The Boolean; nil for other values.
    public var boolean: Bool? { if case .boolean(let value) = node { value } else { nil } }

    /// The number, integer or not; nil for other values.
    public var real: Double? {
        switch node {
        case .real(let value): value
        case .integer(let value): Double(value)
        default: nil
        }
    }

    /// The tensor, without a name; nil for other values.
    public var tensor: StoredTensor? { if case .tensor(let tensor) = content { tensor } else { nil } }
}
