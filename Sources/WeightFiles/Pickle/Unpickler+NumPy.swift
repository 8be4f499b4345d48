extension Unpickler {
    /// `numpy.dtype("f4", False, True)`; its byte order is set by ``completeArrayType(_:_:)``.
    mutating func arrayType(_ values: [PickleNodeID]) throws -> PickleNodeID {
        guard let first = values.first, let text = name(first) else {
            throw failure("a numpy type without a code")
        }
        try spend(MemoryLayout<PickledArrayType>.stride)
        var code = text[...]
        let isBigEndian = code.hasPrefix(">")
        if let mark = code.first, "<>=|".contains(mark) { code.removeFirst() }
        contents.arrayTypes.append(
            PickledArrayType(
                type: PickledElementType(numpy: String(code.prefix(20))), isBigEndian: isBigEndian))
        return try add(.arrayType(contents.arrayTypes.count - 1))
    }

    /// The state of a type: `(version, byte order, subtype, names, fields, size, alignment, flags)`.
    mutating func completeArrayType(_ index: Int, _ state: PickleNodeID) throws {
        guard let parts = elements(state).map({ Array($0.prefix(16)) }), parts.count >= 5,
            let order = name(parts[1])
        else { throw failure("a numpy type with an odd state") }
        guard parts[2...4].allSatisfy({ $0 == Self.noneID }) else {
            contents.arrayTypes[index].type = PickledElementType(numpy: "structured")
            return
        }
        contents.arrayTypes[index].isBigEndian = order == ">"
    }

    /// The state of an array made by `_reconstruct`: `(version, shape, type, Fortran order, data)`.
    mutating func fillArray(_ index: Int, _ state: PickleNodeID) throws {
        guard case .empty = contents.tensors[index] else { throw failure("sets a tensor's state; refused") }
        guard let parts = elements(state).map({ Array($0.prefix(16)) }), parts.count == 5,
            case .arrayType(let type) = node(parts[2]), case .boolean(let isFortran) = node(parts[3])
        else { throw failure("a numpy array with an odd state") }
        let shape = try integers(parts[1], "sizes")
        contents.tensors[index] = try array(
            type: type, shape: shape, order: isFortran ? .fortran : .rowMajor, data: parts[4])
    }

    /// `numpy.core.numeric._frombuffer(data, type, shape, order)`, which protocol 5 uses for arrays.
    mutating func arrayFromBuffer(_ values: [PickleNodeID]) throws -> PickleNodeID {
        guard values.count == 4 || values.count == 5, case .arrayType(let type) = node(values[1]),
            let order = name(values[3])
        else { throw failure("a numpy array from an odd buffer") }
        let shape = try integers(values[2], "sizes")
        switch (order, values.count) {
        case ("K", 5):
            let axes = try integers(values[4], "axes")
            guard axes.sorted() == Array(shape.indices) else {
                throw failure("a numpy array with axes \(axes)")
            }
            return try addTensor(array(type: type, shape: shape, order: .permuted(axes), data: values[0]))
        case ("C", _):
            return try addTensor(array(type: type, shape: shape, order: .rowMajor, data: values[0]))
        case ("F", _): return try addTensor(array(type: type, shape: shape, order: .fortran, data: values[0]))
        default: throw failure("a numpy array of the unknown order '\(order.prefix(20))'")
        }
    }

    /// `numpy.core.multiarray.scalar(type, data)`: a tensor without dimensions.
    mutating func arrayScalar(_ values: [PickleNodeID]) throws -> PickleNodeID {
        guard values.count == 2, case .arrayType(let type) = node(values[0]) else {
            throw failure("an odd numpy scalar")
        }
        return try addTensor(array(type: type, shape: [], order: .rowMajor, data: values[1]))
    }

    private enum Order {
        case rowMajor
        case fortran

        /// Row-major in the given sizes, with the dimensions in this order.
        case permuted([Int])
    }

    private mutating func array(type index: Int, shape: [Int], order: Order, data: PickleNodeID) throws
        -> PickledTensor
    {
        let type = contents.arrayTypes[index]
        guard let dtype = type.type.dtype else {
            return .unsupported("a numpy array of type \(type.type.name) is not supported")
        }
        guard var storage = contents.storage(of: node(data)) else {
            throw failure("a numpy array whose data are not bytes")
        }
        guard let layout = StridedLayout(shape: shape, strides: nil) else {
            throw failure("a numpy array of the impossible shape \(shape)")
        }
        guard layout.count * dtype.byteCount == storage.byteCount else {
            throw failure(
                "a numpy array \(shape) of \(dtype) needs \(layout.count * dtype.byteCount) bytes but has "
                    + "\(storage.byteCount)")
        }
        if type.isBigEndian, dtype.byteCount > 1 {
            storage = try swapped(data, storage, elementSize: dtype.byteCount)
        }
        var sizes = shape
        var strides = layout.strides
        switch order {
        case .rowMajor: break
        case .fortran:
            guard let reversed = StridedLayout(shape: shape.reversed(), strides: nil) else {
                throw failure("a numpy array of the impossible shape \(shape)")
            }
            strides = reversed.strides.reversed()
        case .permuted(let axes):
            sizes = axes.map { shape[$0] }
            strides = axes.map { layout.strides[$0] }
        }
        let tensor = try StoredTensor(
            name: "", dtype: dtype, shape: sizes, strides: strides, storage: storage)
        return .stored(tensor, storage: nil)
    }

    /// `storage` with the bytes of every element reversed; done once for the same bytes.
    private mutating func swapped(_ id: PickleNodeID, _ storage: TensorStorage, elementSize: Int) throws
        -> TensorStorage
    {
        let key = SwappedBytes(node: id, elementSize: elementSize)
        if let known = swappedBytes[key] { return known }
        try spend(storage.byteCount + 96)
        let result = storage.withUnsafeBytes { source in
            TensorStorage(byteCount: source.count) { target in
                for start in stride(from: 0, to: source.count - source.count % elementSize, by: elementSize) {
                    for byte in 0..<elementSize {
                        target[start + byte] = source[start + elementSize - 1 - byte]
                    }
                }
            }
        }
        swappedBytes[key] = result
        return result
    }
}
