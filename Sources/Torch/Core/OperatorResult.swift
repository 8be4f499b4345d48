internal import CTorch

/// A value returned by an ``Operator``.
public enum OperatorResult: Sendable {
    /// Nothing, or an undefined tensor.
    case none
    /// A tensor.
    case tensor(Tensor)
    /// A list of tensors; entries may be undefined.
    case tensors([Tensor?])
    /// An integer.
    case integer(Int)
    /// A list of integers.
    case integers([Int])
    /// A real number.
    case real(Double)
    /// A list of real numbers.
    case reals([Double])
    /// A Boolean.
    case boolean(Bool)
    /// A list of Booleans.
    case booleans([Bool])
    /// A string.
    case string(String)
    /// A device.
    case device(Device)
    /// A random number generator.
    case generator(Generator)

    /// Takes ownership of a value of the shim, which must not be released afterwards.
    init(taking value: ct_value) {
        var value = value
        switch value.tag {
        case CT_TENSOR:
            self = .tensor(Tensor(taking: value.tensor))
            return
        case CT_GENERATOR:
            self = .generator(Generator(taking: value.generator))
            return
        case CT_TENSORS, CT_OPTIONAL_TENSORS:
            let handles = UnsafeBufferPointer(start: value.tensors, count: Int(value.count))
            self = .tensors(
                handles.map { handle in
                    handle.map { handle in
                        ct_tensor_retain(handle)
                        return Tensor(taking: handle)
                    }
                })
        case CT_INTEGER: self = .integer(Int(value.integer))
        case CT_INTEGERS:
            self = .integers(
                UnsafeBufferPointer(start: value.integers, count: Int(value.count)).map(Int.init))
        case CT_REAL: self = .real(value.real)
        case CT_REALS: self = .reals(Array(UnsafeBufferPointer(start: value.reals, count: Int(value.count))))
        case CT_BOOL: self = .boolean(value.boolean)
        case CT_BOOLS:
            self = .booleans(Array(UnsafeBufferPointer(start: value.booleans, count: Int(value.count))))
        case CT_STRING:
            let bytes = UnsafeRawBufferPointer(start: value.string, count: Int(value.count))
            self = .string(String(decoding: bytes, as: UTF8.self))
        case CT_DEVICE: self = .device(Device(value.device))
        default: self = .none
        }
        ct_value_release(&value)
    }
}
