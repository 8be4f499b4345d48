import CLIP
import Torch

/// What the frozen trunk sees in a batch of images.
public struct TrunkFeatures: Sendable {
    /// The maps that the pyramid is made of, finest first, [N, C, H, W]; a single one of a vision transformer.
    public let levels: [Tensor]

    /// The map that regions are scored on: C5 of a ResNet, a map of patch embeddings of a transformer. None when nothing
    /// is to be scored, as in training.
    public let regionMap: Tensor?

    /// Maps of a trunk.
    public init(levels: [Tensor], regionMap: Tensor?) {
        self.levels = levels
        self.regionMap = regionMap
    }
}
