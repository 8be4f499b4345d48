internal import CTorch

/// A libtorch operator, looked up once by name and callable with any arguments.
///
/// Everything in ATen is reachable this way:
///
/// ```swift
/// let roll = Operator("aten::roll")
/// let shifted = try roll(x, [1], [0])
/// ```
///
/// Arguments are positional. Omitted trailing ones take the defaults of the operator's schema (``schema``); a single
/// integer is accepted for a list where the schema has, for example, `int[2]`.
public struct Operator: Sendable {
    /// Name and overload, such as `aten::add.Tensor`.
    public let name: String

    private let found: Result<Found, TorchError>

    /// Handles belong to libtorch's dispatcher and live as long as the process.
    private struct Found: @unchecked Sendable {
        let handle: ct_operator
    }

    /// Looks up an operator. An unknown name is reported by the first call.
    /// - Parameter name: Namespace, name and, after a dot, the overload: `aten::add.Tensor`, `aten::relu`.
    public init(_ name: String) {
        self.name = name
        let parts = name.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let overload = parts.count > 1 ? String(parts[1]) : ""
        found = Result {
            var handle: ct_operator?
            try check(ct_operator_find(String(parts[0]), overload, &handle), name)
            guard let handle else { throw TorchError(name, reason: "was not found") }
            return Found(handle: handle)
        }.mapError { $0 as? TorchError ?? TorchError(name, reason: "\($0)") }
    }

    /// The operator's schema: the names, types and defaults of its arguments and its results.
    /// - Throws: ``TorchError`` if libtorch has no such operator.
    public var schema: String {
        get throws {
            guard let text = ct_operator_schema(try found.get().handle) else { return name }
            defer { ct_error_free(text) }
            return String(cString: text)
        }
    }

    /// Calls an operator that returns one tensor.
    /// - Throws: ``TorchError`` with the operator, the arguments' types and shapes, and libtorch's reason.
    @discardableResult
    public func callAsFunction<each Argument: OperatorArgument>(_ arguments: repeat each Argument) throws
        -> Tensor
    {
        var packed = _OperatorArguments(capacity: 10)
        repeat (each arguments)._append(to: &packed)
        var value = ct_value()
        var count = 0
        let error = ct_operator_call(try found.get().handle, packed.values, packed.count, &value, 1, &count)
        if _slowPath(error != nil) {
            try check(error, name, describe(repeat each arguments))
        }
        if _fastPath(count == 1 && value.tag == CT_TENSOR) { return Tensor(taking: value.tensor) }
        if count == 1 { ct_value_release(&value) }
        throw TorchError(name, arguments: describe(repeat each arguments), reason: "did not return a tensor")
    }

    /// Calls an operator and returns all its results.
    /// - Throws: ``TorchError`` with the operator, the arguments' types and shapes, and libtorch's reason.
    public func results<each Argument: OperatorArgument>(
        _ arguments: repeat each Argument
    ) throws -> [OperatorResult] {
        var packed = _OperatorArguments(capacity: 10)
        repeat (each arguments)._append(to: &packed)
        return try withUnsafeTemporaryAllocation(of: ct_value.self, capacity: Self.mostResults) { values in
            var count = 0
            let error = ct_operator_call(
                try found.get().handle, packed.values, packed.count, values.baseAddress, values.count, &count)
            if error != nil { try check(error, name, describe(repeat each arguments)) }
            return values.prefix(count).map(OperatorResult.init(taking:))
        }
    }

    /// Calls an operator that returns several tensors, or one list of them.
    /// - Throws: ``TorchError``, also if a result is not a tensor.
    public func tensors<each Argument: OperatorArgument>(_ arguments: repeat each Argument) throws -> [Tensor]
    {
        let results = try results(repeat each arguments)
        func refused() -> TorchError {
            TorchError(name, arguments: describe(repeat each arguments), reason: "did not return tensors")
        }
        if results.count == 1, case .tensors(let list) = results[0] {
            return try list.map { tensor in
                guard let tensor else { throw refused() }
                return tensor
            }
        }
        return try results.map { result in
            guard case .tensor(let tensor) = result else { throw refused() }
            return tensor
        }
    }

    /// Calls an operator that returns two tensors.
    /// - Throws: ``TorchError``, also if the number of tensors is not two.
    func pair<each Argument: OperatorArgument>(_ arguments: repeat each Argument) throws -> (Tensor, Tensor) {
        let tensors = try tensors(repeat each arguments)
        guard tensors.count == 2 else {
            throw TorchError(name, reason: "returned \(tensors.count) tensors, not 2")
        }
        return (tensors[0], tensors[1])
    }

    /// More than the results of any ATen operator.
    private static let mostResults = 16

    private func describe<each Argument: OperatorArgument>(_ arguments: repeat each Argument) -> [String] {
        var descriptions: [String] = []
        for argument in repeat each arguments { descriptions.append(argument._operatorDescription) }
        return descriptions
    }
}
