import WeightFiles

/// Updates parameters against their gradients.
///
/// ```swift
/// let optimizer = try AdamW([ParameterGroup(store.trainableParameters)], learningRate: 1e-4)
/// for step in 0..<steps {
///     let loss = try model(batch)
///     try loss.backward()
///     try clipGradients(of: optimizer.parameters, maximumNorm: 1)
///     try optimizer.step(learningRateFactor: schedule.factor(at: step))
///     try optimizer.clearGradients()
/// }
/// ```
public protocol Optimizer: AnyObject {
    /// The parameter groups, each with its own rates.
    var groups: [ParameterGroup] { get set }

    /// Updates every parameter that has a gradient.
    /// - Parameter learningRateFactor: The schedule's factor for the learning rates at this step.
    /// - Throws: ``TorchError``.
    func step(learningRateFactor: Double) throws

    /// The state kept between steps, by names such as `exp_avg/<parameter>`.
    /// - Throws: ``TorchError``.
    func state() throws -> [StoredTensor]

    /// Restores a state returned by ``state()``.
    /// - Throws: ``WeightMismatch`` unless every tensor belongs to a parameter of the groups and has its shape;
    ///   ``TorchError``.
    func load(state: some WeightSource) throws
}

extension Optimizer {
    /// The parameters of all groups.
    public var parameters: [Parameter] { groups.flatMap(\.parameters) }

    /// Updates every parameter that has a gradient, at the unscaled learning rates.
    /// - Throws: ``TorchError``.
    public func step() throws { try step(learningRateFactor: 1) }

    /// Clears the gradients of all groups.
    /// - Throws: ``TorchError``.
    public func clearGradients() throws {
        for parameter in parameters where parameter.grad != nil { try parameter.value.setGrad(nil) }
    }
}

/// Parameters that share an optimizer's settings.
public struct ParameterGroup: Sendable {
    /// The parameters. A step skips frozen ones and those without a gradient.
    public var parameters: [Parameter]

    /// The learning rate before any schedule; the optimizer's if nil.
    public var learningRate: Double?

    /// The weight decay; the optimizer's if nil.
    public var weightDecay: Double?

    /// Creates a group of parameters, optionally with its own rates.
    public init(_ parameters: [Parameter], learningRate: Double? = nil, weightDecay: Double? = nil) {
        self.parameters = parameters
        self.learningRate = learningRate
        self.weightDecay = weightDecay
    }
}

/// The valid range of a rate or factor.
enum RateRange {
    case notNegative, belowOne, upToOne

    /// Throws for a value that is out of range or NaN.
    func check(_ value: Double, _ name: String, of subject: String) throws {
        let (isInside, range) =
            switch self {
            case .notNegative: (value >= 0 && value.isFinite, "at least 0 and finite")
            case .belowOne: ((0..<1).contains(value), "at least 0 and below 1")
            case .upToOne: ((0...1).contains(value), "from 0 to 1")
            }
        guard isInside else {
            throw TorchError(subject, reason: "the \(name) is \(value); it must be \(range)")
        }
    }
}

/// Checks that the rates of groups are in range and that a parameter is in one group only, or it would be updated
/// twice.
func checkGroups(_ groups: [ParameterGroup], _ optimizer: String) throws {
    for group in groups {
        if let rate = group.learningRate {
            try RateRange.notNegative.check(rate, "learning rate of a group", of: optimizer)
        }
        if let decay = group.weightDecay {
            try RateRange.notNegative.check(decay, "weight decay of a group", of: optimizer)
        }
    }
    var seen: Set<ObjectIdentifier> = []
    for parameter in groups.flatMap(\.parameters) where !seen.insert(ObjectIdentifier(parameter)).inserted {
        throw TorchError(optimizer, reason: "parameter \(parameter.name) is in two groups or twice in one")
    }
}

/// A parameter with its gradient at one step.
struct GradientEntry {
    let parameter: Parameter
    let value: Tensor
    let gradient: Tensor

    /// The entries of a group that take part in a step, by element type and device, since a fused kernel handles one
    /// combination.
    static func batches(of group: ParameterGroup) throws -> [[GradientEntry]] {
        struct Kind: Hashable {
            let dtype: DType
            let device: Device
        }
        var batches: [(kind: Kind, entries: [GradientEntry])] = []
        for parameter in group.parameters where !parameter.isFrozen {
            guard let gradient = parameter.grad else { continue }
            let value = try parameter.value
            // Fused kernels iterate over memory, so both must have the same layout.
            let aligned =
                try gradient.strides == value.strides ? gradient : value.emptyLike().copying(gradient)
            let kind = Kind(dtype: try value.dtype, device: value.device)
            let entry = GradientEntry(parameter: parameter, value: value, gradient: aligned)
            if let index = batches.firstIndex(where: { $0.kind == kind }) {
                batches[index].entries.append(entry)
            } else {
                batches.append((kind, [entry]))
            }
        }
        return batches.map(\.entries)
    }
}

extension Tensor {
    /// Copies `source` into this tensor and returns it.
    fileprivate func copying(_ source: Tensor) throws -> Tensor {
        try copyInPlace(source)
        return self
    }
}
