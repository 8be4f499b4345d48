extension Unpickler {
    /// The storage that a persistent id names:
    /// `("storage", torch.FloatStorage, key, device, number of elements)`.
    mutating func persistentStorage(_ id: PickleNodeID) throws -> PickleNodeID {
        // A sixth element is the view of very old files; only None is written today.
        guard let parts = elements(id).map({ Array($0.prefix(8)) }), parts.count == 5 || parts.count == 6,
            parts.count == 5 || parts[5] == Self.noneID,
            name(parts[0]) == "storage",
            case .storage(let type) = constructor(parts[1]),
            let key = name(parts[2]),
            case .integer(let count) = node(parts[4])
        else { throw failure("refers to an external object that is not a tensor storage") }
        if let index = storageIndices[key] {
            let known = contents.storages[index]
            guard known.type == type, known.count == count else {
                throw failure(
                    "storage '\(key)' is both \(known.type.name) of \(known.count) and \(type.name) of \(count)"
                )
            }
            return try add(.storage(index))
        }
        try spend(160 + key.utf8.count)
        let storage = PickledStorage(key: key, type: type, count: Int(count))
        guard storage.byteCount != nil else {
            throw failure("storage '\(key)' claims \(count) elements")
        }
        contents.storages.append(storage)
        storageIndices[key] = contents.storages.count - 1
        return try add(.storage(contents.storages.count - 1))
    }

    /// `torch._utils._rebuild_tensor(storage, offset, size, stride, …)` and its later versions.
    mutating func rebuildTensor(_ values: [PickleNodeID], version: Int) throws -> PickleNodeID {
        guard values.count >= (version == 3 ? 7 : 4), case .storage(let index) = node(values[0]),
            case .integer(let offset) = node(values[1])
        else { throw failure("a tensor that is not made from storage, offset, sizes and strides") }
        let shape = try integers(values[2], "sizes")
        let strides = try integers(values[3], "strides")
        var type = contents.storages[index].type
        if version == 3 {
            guard case .elementType(let given) = constructor(values[6]) else {
                throw failure("a tensor without an element type")
            }
            type = given
        }
        guard let dtype = type.dtype else {
            return try addTensor(.unsupported("its element type \(type.name) is not supported"))
        }
        return try addTensor(
            .view(storage: index, dtype: dtype, offset: Int(offset), shape: shape, strides: strides))
    }

    /// `torch._tensor._rebuild_from_type_v2(function, class, arguments, state)`: a tensor with attributes.
    mutating func rebuildFromType(_ values: [PickleNodeID]) throws -> PickleNodeID {
        guard values.count == 4, let function = constructor(values[0]),
            constructor(values[1]) == .tensorClass,
            let arguments = elements(values[2]).map({ Array($0.prefix(16)) })
        else { throw failure("a tensor of a custom class") }
        switch function {
        case .rebuildTensor(let version): return try rebuildTensor(arguments, version: version)
        case .rebuildParameter: return try call(values[0], values[2])
        default: throw failure("a tensor that is not made by torch's functions")
        }
    }

    /// A short tuple of integers.
    mutating func integers(_ id: PickleNodeID, _ what: String) throws -> [Int] {
        guard let items = elements(id) else { throw failure("\(what) that are not a tuple") }
        guard items.count <= 64 else { throw failure("a tensor of \(items.count) dimensions") }
        try spend(32 + items.count * MemoryLayout<Int>.stride)
        return try items.map {
            guard case .integer(let value) = node($0) else { throw failure("\(what) that are not integers") }
            return Int(value)
        }
    }

    mutating func addTensor(_ tensor: PickledTensor) throws -> PickleNodeID {
        // Twice for the growth of the array, and a storage's view on the heap.
        try spend(2 * MemoryLayout<PickledTensor>.stride + 80)
        contents.tensors.append(tensor)
        return try add(.tensor(contents.tensors.count - 1))
    }
}
