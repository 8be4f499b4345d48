extension Operator {
    static let relu = Operator("aten::relu")
    static let reluInPlace = Operator("aten::relu_")
    static let thresholdBackward = Operator("aten::threshold_backward")
    static let leakyRelu = Operator("aten::leaky_relu")
    static let gelu = Operator("aten::gelu")
    static let silu = Operator("aten::silu")
    static let sigmoid = Operator("aten::sigmoid")
    static let logSigmoid = Operator("aten::log_sigmoid")
    static let softplus = Operator("aten::softplus")
    static let hardSwish = Operator("aten::hardswish")
    static let softmax = Operator("aten::softmax.int")
    static let logSoftmax = Operator("aten::log_softmax.int")
}

extension Tensor {
    /// max(x, 0).
    public func relu() throws -> Tensor { try Operator.relu(self) }

    /// Sets negative elements to zero.
    package func reluInPlace() throws { try Operator.reluInPlace(self) }

    /// `gradient` where this result of ``relu()`` is positive, zero elsewhere: the gradient of its input.
    package func reluGradient(_ gradient: Tensor) throws -> Tensor {
        try Operator.thresholdBackward(gradient, self, 0)
    }

    /// x above zero, `slope` * x below.
    public func leakyRelu(slope: Double = 0.01) throws -> Tensor { try Operator.leakyRelu(self, slope) }

    /// x times the standard normal distribution function at x; `tanh` selects the approximation with a hyperbolic
    /// tangent.
    public func gelu(tanh: Bool = false) throws -> Tensor { try Operator.gelu(self, tanh ? "tanh" : "none") }

    /// x * sigmoid(1.702 x), the activation of OpenAI's CLIP.
    public func quickGELU() throws -> Tensor { try self * (self * 1.702).sigmoid() }

    /// x * sigmoid(x).
    public func silu() throws -> Tensor { try Operator.silu(self) }

    /// 1 / (1 + exp(-x)).
    public func sigmoid() throws -> Tensor { try Operator.sigmoid(self) }

    /// log(sigmoid(x)), exact for large negative x.
    public func logSigmoid() throws -> Tensor { try Operator.logSigmoid(self) }

    /// log(1 + exp(x)).
    public func softplus() throws -> Tensor { try Operator.softplus(self) }

    /// x * clamp(x + 3, 0, 6) / 6.
    public func hardSwish() throws -> Tensor { try Operator.hardSwish(self) }

    /// exp(x) along a dimension, divided by its sum; optionally computed in another element type.
    public func softmax(_ dimension: Int, dtype: DType? = nil) throws -> Tensor {
        try Operator.softmax(self, dimension, dtype)
    }

    /// The logarithm of ``softmax(_:dtype:)``, without overflow.
    public func logSoftmax(_ dimension: Int, dtype: DType? = nil) throws -> Tensor {
        try Operator.logSoftmax(self, dimension, dtype)
    }
}
