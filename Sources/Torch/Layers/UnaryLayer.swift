/// A layer that makes one tensor from one tensor.
public protocol UnaryLayer: Sendable {
    /// Applies the layer.
    /// - Throws: ``TorchError`` when the input does not fit or a parameter has no values.
    func callAsFunction(_ input: Tensor) throws -> Tensor
}

/// Layers one after another.
public struct Sequential: UnaryLayer {
    /// The layers, in the order in which they are applied.
    public let layers: [any UnaryLayer]

    /// A chain of layers; without any, the input comes out.
    public init(_ layers: [any UnaryLayer]) { self.layers = layers }

    /// Applies all layers, the first one first.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        try layers.reduce(input) { try $1($0) }
    }
}
