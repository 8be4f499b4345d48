/// Whether a layer trains: what batch normalisation and dropout ask.
///
/// Made by ``ParameterScope/mode()``, switched by ``ParameterStore``.
public final class LayerMode: @unchecked Sendable {
    /// Frozen layers stay in evaluation when the rest of the network trains.
    public internal(set) var isFrozen = false

    var storeTrains = false

    init() {}

    /// Whether the layer behaves as in training.
    public var isTraining: Bool { storeTrains && !isFrozen }
}
