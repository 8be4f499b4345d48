import CLIP
import Torch

/// What the frozen trunk sees in a batch of images.
public struct TrunkFeatures: Sendable {
    /// The maps that the pyramid is made of, finest first, [N, C, H, W]; a single one of a vision transformer.
    public let levels: [Tensor]

    /// The maps that regions are scored on, one for each of ``RegionResolution/scales``: C5 of a ResNet, maps of patch
    /// embeddings of a transformer. None when nothing is to be scored, as in training.
    public let regionMaps: [Tensor]

    /// Maps of a trunk.
    public init(levels: [Tensor], regionMaps: [Tensor] = []) {
        self.levels = levels
        self.regionMaps = regionMaps
    }
}
