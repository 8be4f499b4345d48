/// How far a training has come in its data: what a checkpoint keeps.
public struct LoaderPosition: Sendable, Hashable, Codable {
    /// The epoch, from 0.
    public var epoch: Int

    /// How many examples of the epoch were used.
    public var index: Int

    /// A place in the data.
    public init(epoch: Int = 0, index: Int = 0) {
        self.epoch = epoch
        self.index = index
    }
}
