/// Parameters that an optimiser treats alike.
public struct ParameterGroup: Sendable {
    /// The parameters. Those that are frozen or have no gradient at a step are left alone by it.
    public var parameters: [Parameter]

    /// The learning rate before any schedule; the optimiser's when nil.
    public var learningRate: Double?

    /// The weight decay; the optimiser's when nil.
    public var weightDecay: Double?

    /// A group of parameters, optionally with rates of its own.
    public init(_ parameters: [Parameter], learningRate: Double? = nil, weightDecay: Double? = nil) {
        self.parameters = parameters
        self.learningRate = learningRate
        self.weightDecay = weightDecay
    }
}
