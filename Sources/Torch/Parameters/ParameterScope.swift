import WeightFiles

/// A node in the tree of a network's parameters.
///
/// Layers take a scope and name their parameters below it, so that the code reads like the checkpoint's keys:
///
/// ```swift
/// let store = ParameterStore()
/// let conv = try Conv2d(store.root / "layer1" / 0 / "conv1", inputs: 64, outputs: 64, kernel: 3, padding: 1)
/// // parameters: layer1.0.conv1.weight, layer1.0.conv1.bias
/// ```
public struct ParameterScope: Sendable {
    /// The store that holds the parameters.
    public let store: ParameterStore

    /// The path of names to this scope, joined by dots; empty at the root.
    public let path: String

    /// The scope `name` inside `scope`.
    public static func / (scope: ParameterScope, name: String) -> ParameterScope {
        ParameterScope(store: scope.store, path: scope.name(of: name))
    }

    /// The scope of one element of a list inside `scope`.
    public static func / (scope: ParameterScope, index: Int) -> ParameterScope { scope / String(index) }

    /// The full name of the parameter `name` in this scope.
    public func name(of name: String) -> String { path.isEmpty ? name : path + "." + name }

    /// Declares a weight.
    /// - Parameters:
    ///   - name: The parameter's name within the scope.
    ///   - shape: Its shape.
    ///   - initializer: The distribution of its initial values.
    ///   - dtype: The element type; the store's by default.
    /// - Throws: ``TorchError`` if a parameter of that name exists or a size is negative.
    public func weight(
        _ name: String, _ shape: [Int], _ initializer: Initializer, dtype: DType? = nil
    ) throws -> Parameter {
        try store.declare(
            name: self.name(of: name), shape: shape, dtype: dtype, role: .weight, initializer: initializer,
            isOptional: false)
    }

    /// Declares a buffer.
    /// - Parameters:
    ///   - name: The parameter's name within the scope.
    ///   - shape: Its shape.
    ///   - initializer: The distribution of its initial values.
    ///   - dtype: The element type; the store's by default.
    ///   - isOptional: Whether a checkpoint may lack it.
    /// - Throws: ``TorchError`` if a parameter of that name exists or a size is negative.
    public func buffer(
        _ name: String, _ shape: [Int], _ initializer: Initializer, dtype: DType? = nil,
        isOptional: Bool = false
    ) throws -> Parameter {
        try store.declare(
            name: self.name(of: name), shape: shape, dtype: dtype, role: .buffer, initializer: initializer,
            isOptional: isOptional)
    }

    /// The training mode of the layers in this scope.
    public func mode() -> LayerMode { store.mode(at: path) }
}
