import Torch

/// Parameters with their own optimizer settings.
public struct ParameterGrouping: Sendable, Hashable, Codable {
    /// Whether scales and offsets of normalizations are exempt from weight decay.
    public var exemptsNorms: Bool

    /// Whether biases are exempt from weight decay.
    public var exemptsBiases: Bool

    /// Whether temperatures (`temperature`, `logit_scale`) are exempt from weight decay.
    public var exemptsTemperatures: Bool

    /// Factors of the learning rate for a path of parameters and everything below it; the longest matching path
    /// applies.
    public var learningRateFactors: [String: Double]

    /// Creates a grouping, by default the published F-VLM's: norms and temperatures do not decay, biases do.
    public init(
        exemptsNorms: Bool = true, exemptsBiases: Bool = false, exemptsTemperatures: Bool = true,
        learningRateFactors: [String: Double] = [:]
    ) {
        self.exemptsNorms = exemptsNorms
        self.exemptsBiases = exemptsBiases
        self.exemptsTemperatures = exemptsTemperatures
        self.learningRateFactors = learningRateFactors
    }

    /// The trainable parameters in groups.
    /// - Throws: ``TrainingError`` for a path of ``learningRateFactors`` without trainable parameters, and if nothing
    ///   is trainable.
    func groups(of store: ParameterStore, learningRate: Double, weightDecay: Double) throws
        -> [ParameterGroup]
    {
        let parameters = store.trainableParameters
        guard !parameters.isEmpty else { throw TrainingError("training", "all parameters are frozen") }
        for path in learningRateFactors.keys.sorted()
        where !parameters.contains(where: { Self.contains(path, $0.name) }) {
            throw TrainingError("learning rate factors", "no trainable parameter is at '\(path)'")
        }
        struct Rates: Hashable {
            var learningRate: Double
            var weightDecay: Double
        }
        var groups: [(rates: Rates, parameters: [Parameter])] = []
        let norms = Self.normScales(parameters)
        for parameter in parameters {
            let path = learningRateFactors.keys.filter { Self.contains($0, parameter.name) }
                .max { $0.count < $1.count }
            let rates = Rates(
                learningRate: learningRate * (path.flatMap { learningRateFactors[$0] } ?? 1),
                weightDecay: isExempt(parameter, norms) ? 0 : weightDecay)
            if let place = groups.firstIndex(where: { $0.rates == rates }) {
                groups[place].parameters.append(parameter)
            } else {
                groups.append((rates, [parameter]))
            }
        }
        return groups.map {
            ParameterGroup(
                $0.parameters, learningRate: $0.rates.learningRate, weightDecay: $0.rates.weightDecay)
        }
    }

    private static func contains(_ path: String, _ name: String) -> Bool {
        path.isEmpty || name == path || name.hasPrefix(path + ".")
    }

    /// The paths of layers whose `weight` is a vector: batch, layer and group norms.
    private static func normScales(_ parameters: [Parameter]) -> Set<Substring> {
        Set(
            parameters.compactMap { parameter in
                parameter.shape.count == 1 && parameter.name.hasSuffix(".weight")
                    ? parameter.name.dropLast(".weight".count) : nil
            })
    }

    private func isExempt(_ parameter: Parameter, _ norms: Set<Substring>) -> Bool {
        let name = parameter.name
        if name.hasSuffix("temperature") || name.hasSuffix("logit_scale") { return exemptsTemperatures }
        if name.hasSuffix(".weight"), norms.contains(name.dropLast(".weight".count)) { return exemptsNorms }
        guard name.hasSuffix("bias") else { return false }
        return name.hasSuffix(".bias") && norms.contains(name.dropLast(".bias".count))
            ? exemptsNorms : exemptsBiases
    }
}
