import CLIP
import RegionDetection
import Torch

/// A ResNet's attention pool on crops of C5, the published method.
package struct AttentionPoolScorer: RegionScorer {
    let tower: ModifiedResNet
    let pool: AttentionPool
    let options: ScoringOptions
    /// How crops are sampled.
    let sampling: RegionSampling

    /// Creates a scorer.
    /// - Parameter sampling: How crops are sampled.
    package init(
        tower: ModifiedResNet, pool: AttentionPool, options: ScoringOptions = ScoringOptions(),
        sampling: RegionSampling = .cellCenters
    ) {
        self.tower = tower
        self.pool = pool
        self.options = options
        self.sampling = sampling
    }

    /// Embeddings of regions, [R, E] `float32`.
    package func embeddings(of boxes: [Boxes], features: ModifiedResNet.Features, pixels: Tensor) throws
        -> Tensor
    {
        try withoutGradients {
            try ScaledMaps(options: options, stride: stride, embeddingWidth: pool.embeddingWidth).embeddings(
                of: boxes, pixels: pixels
            ) { enlarged in
                try map(of: enlarged.map { try tower.features(of: $0) } ?? features)
            } embed: { map, boxes, images in
                try embeddings(of: boxes, images: images, on: map)
            }
        }
    }

    /// The map that regions are pooled from: C5, or C5 at the stride of C4.
    package func map(of features: ModifiedResNet.Features) throws -> Tensor {
        options.vlmDense ? try tower.denseC5(features.c4) : features.c5
    }

    /// Embeddings of regions on a map.
    /// - Parameters:
    ///   - boxes: In pixels of the map's image.
    ///   - images: The index in the batch of each box's image.
    package func embeddings(of boxes: Boxes, images: [Int64], on map: Tensor) throws -> Tensor {
        let images = images.map { Int($0) }
        let size = Size2D(map.shape[2], map.shape[3])
        let scale = 1 / Float(options.vlmDense ? stride / 2 : stride)
        let regions: RegionCropping
        switch sampling {
        case .cellCenters:
            regions = try .cellCenters(
                boxes.tensor, images: images, mapSize: size, gridSize: pool.gridSize, scale: scale)
        case .aligned(let ratio), .legacy(let ratio):
            // The cells of a dense map are half a cell further than RoIAlign assumes.
            let shift = options.vlmDense ? Double(stride) / 4 : 0
            regions = try .roiAlign(
                boxes.tensor - shift, images: images, mapSize: size, gridSize: pool.gridSize, scale: scale,
                samplingRatio: ratio, isAligned: sampling == .aligned(ratio: ratio))
        }
        return try pool(map, regions: regions).to(.float32)
    }

    private var stride: Int { ModifiedResNet.strides[3] }
}
