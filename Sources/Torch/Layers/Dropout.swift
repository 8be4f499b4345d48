/// Zeroes elements at random in training and scales the others up; does nothing in evaluation.
public struct Dropout: UnaryLayer {
    /// The share of elements that become zero.
    public let probability: Double

    private let mode: LayerMode

    /// A dropout that trains when the scope's store does.
    public init(_ scope: ParameterScope, probability: Double) {
        self.probability = probability
        mode = scope.mode()
    }

    /// Drops elements when training.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        mode.isTraining ? try input.dropout(probability, isTraining: true) : input
    }
}
