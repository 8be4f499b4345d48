/// A table of vectors, looked up by number.
///
/// Parameters: `weight` [count, width].
public struct Embedding: UnaryLayer {
    /// [count, width].
    public let weight: Parameter

    /// Declares a table.
    /// - Throws: ``TorchError`` when the name is taken.
    public init(
        _ scope: ParameterScope, count: Int, width: Int,
        initializer: Initializer = .normal(standardDeviation: 1)
    ) throws {
        weight = try scope.weight("weight", [count, width], initializer)
    }

    /// Looks integers [...] up: [..., width].
    public func callAsFunction(_ input: Tensor) throws -> Tensor { try input.embedded(in: weight.value) }
}
