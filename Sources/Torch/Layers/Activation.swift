/// A function of single elements, by the names that configuration files use.
public enum Activation: String, UnaryLayer, Codable, CaseIterable {
    /// max(x, 0).
    case relu
    /// x times the normal distribution function at x.
    case gelu
    /// The same, approximated with a hyperbolic tangent.
    case geluTanh = "gelu_pytorch_tanh"
    /// x * sigmoid(1.702 x), OpenAI's approximation.
    case quickGELU = "quick_gelu"
    /// x * sigmoid(x).
    case silu
    /// 1 / (1 + exp(-x)).
    case sigmoid
    /// The hyperbolic tangent.
    case tanh
    /// x.
    case identity

    /// Applies the function to every element.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        switch self {
        case .relu: try input.relu()
        case .gelu: try input.gelu()
        case .geluTanh: try input.gelu(tanh: true)
        case .quickGELU: try input.quickGELU()
        case .silu: try input.silu()
        case .sigmoid: try input.sigmoid()
        case .tanh: try input.tanh()
        case .identity: input
        }
    }
}
