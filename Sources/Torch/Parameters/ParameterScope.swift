import WeightFiles

/// A place in the tree of a network's parameters.
///
/// Layers take a scope and name their parameters below it, so that the code reads like the checkpoint's keys:
///
/// ```swift
/// let store = ParameterStore()
/// let conv = try Conv2d(store.root / "layer1" / 0 / "conv1", inputs: 64, outputs: 64, kernel: 3, padding: 1)
/// // parameters: layer1.0.conv1.weight, layer1.0.conv1.bias
/// ```
public struct ParameterScope: Sendable {
    /// Where the parameters are kept.
    public let store: ParameterStore

    /// The names that lead here, joined by dots; empty at the root.
    public let path: String

    /// The scope `name` inside `scope`.
    public static func / (scope: ParameterScope, name: String) -> ParameterScope {
        ParameterScope(store: scope.store, path: scope.name(of: name))
    }

    /// The scope of one element of a list inside `scope`.
    public static func / (scope: ParameterScope, index: Int) -> ParameterScope { scope / String(index) }

    /// The full name of a parameter called `name` here.
    public func name(of name: String) -> String { path.isEmpty ? name : path + "." + name }

    /// Declares a weight.
    /// - Parameter dtype: The store's when left out.
    /// - Throws: ``TorchError`` when there is a parameter of that name already or a size is negative.
    public func weight(
        _ name: String, _ shape: [Int], _ initializer: Initializer, dtype: DType? = nil
    ) throws -> Parameter {
        try store.declare(
            name: self.name(of: name), shape: shape, dtype: dtype, role: .weight, initializer: initializer,
            isOptional: false)
    }

    /// Declares a buffer.
    /// - Parameters:
    ///   - dtype: The store's when left out.
    ///   - isOptional: Whether a checkpoint may lack it.
    /// - Throws: ``TorchError`` when there is a parameter of that name already or a size is negative.
    public func buffer(
        _ name: String, _ shape: [Int], _ initializer: Initializer, dtype: DType? = nil,
        isOptional: Bool = false
    ) throws -> Parameter {
        try store.declare(
            name: self.name(of: name), shape: shape, dtype: dtype, role: .buffer, initializer: initializer,
            isOptional: isOptional)
    }

    /// The switch between training and evaluation that layers here look at.
    public func mode() -> LayerMode { store.mode(at: path) }
}
