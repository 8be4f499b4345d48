import CLIP
import RegionDetection
import Torch

/// Embeds regions with the frozen vision-language model, for comparison with texts. A ``Trunk`` creates its scorers.
public protocol RegionScorer<Features>: Sendable {
    /// The trunk's features for a batch.
    associatedtype Features: Sendable

    /// Embeddings of regions, [R, E] `float32`, not of length 1.
    /// - Parameters:
    ///   - boxes: The regions of each image, in pixels of the batch.
    ///   - features: The trunk's features for the batch.
    ///   - pixels: The batch, [N, 3, H, W], normalized.
    /// - Throws: `CLIPError`, `DetectionError`, `TorchError`.
    func embeddings(of boxes: [Boxes], features: Features, pixels: Tensor) throws -> Tensor
}

/// Embeds every region on the maps of the scales that suit it best.
struct ScaledMaps {
    let options: ScoringOptions
    /// The stride in pixels of the tower's last map.
    let stride: Int
    let embeddingWidth: Int

    /// - Parameters:
    ///   - map: The map of a rescaled batch; nil: of the batch at its original scale.
    ///   - embed: Embeds regions, in pixels of the rescaled batch, on its map.
    func embeddings(
        of boxes: [Boxes], pixels: Tensor, map: (_ enlarged: Tensor?) throws -> Tensor,
        embed: (_ map: Tensor, _ boxes: Boxes, _ images: [Int64]) throws -> Tensor
    ) throws -> Tensor {
        let all = try Boxes.cat(boxes)
        let images = boxes.imageIndices
        func embedded(_ place: Int, _ boxes: Boxes, _ images: [Int64]) throws -> Tensor {
            let scale = options.vlmScales[place]
            let map = try map(scale == 1 ? nil : enlarged(pixels, scale))
            return try embed(map, scale == 1 ? boxes : boxes.scaled(x: scale, y: scale), images)
        }
        guard options.vlmScales.count > 1 else { return try embedded(0, all, images) }
        let corners = try all.tensor.array(of: Float.self)
        let places = images.indices.map { row in
            options.scales(
                forWidth: corners[4 * row + 2] - corners[4 * row],
                height: corners[4 * row + 3] - corners[4 * row + 1])
        }
        let result = try Tensor.zeros([all.count, embeddingWidth], device: pixels.device)
        for place in options.vlmScales.indices {
            let rows = images.indices.filter { places[$0].contains(place) }
            guard !rows.isEmpty else { continue }
            let chosen = try all.selected(Tensor(rows))
            let indices = try Tensor(rows).to(device: pixels.device)
            var embeddings = try embedded(place, chosen, rows.map { images[$0] })
            // The average is over directions.
            if options.vlmScalesPerRegion > 1 { embeddings = try embeddings.normalized() }
            try result.set(indices, to: result.indexSelected(0, indices) + embeddings)
        }
        return result
    }

    /// A batch rescaled, and padded with the mean color to whole cells.
    private func enlarged(_ pixels: Tensor, _ scale: Double) throws -> Tensor {
        func length(_ side: Int) -> Int { max(Int((Double(side) * scale).rounded()), 1) }
        let size = Size2D(length(pixels.shape[2]), length(pixels.shape[3]))
        let resized = try pixels.to(.float32).interpolated(to: size, antialias: scale < 1)
        func missing(_ side: Int) -> Int { (stride - side % stride) % stride }
        return try resized.padded([0, missing(size.width), 0, missing(size.height)])
    }
}

extension VisionTransformer {
    /// Embeddings of regions on a map of patches, [R, E] `float32`, each on the scales that suit it best.
    /// - Parameters:
    ///   - map: The map that regions are pooled from.
    ///   - embed: Embeds regions on such a map.
    func embeddings(
        of boxes: [Boxes], features: Features, pixels: Tensor, _ options: ScoringOptions,
        map: (Features) throws -> Tensor, embed: (PyramidLevel, Regions) throws -> Tensor
    ) throws -> Tensor {
        let stride = configuration.patchSize
        return try withoutGradients {
            try ScaledMaps(
                options: options, stride: stride, embeddingWidth: configuration.embeddingWidth
            ).embeddings(of: boxes, pixels: pixels) { enlarged in
                try map(enlarged.map { try self.features(of: $0) } ?? features)
            } embed: { map, boxes, images in
                let regions = try Regions(
                    boxes: boxes, images: images, levels: [Int64](repeating: 0, count: boxes.count))
                return try embed(PyramidLevel(map, scale: 1 / Double(stride)), regions)
            }
        }
    }
}

extension [Boxes] {
    /// The image index of each box, all boxes of the first image first.
    var imageIndices: [Int64] {
        enumerated().flatMap { [Int64](repeating: Int64($0.offset), count: $0.element.count) }
    }
}
