import CLIP
import RegionDetection
import Torch

/// Runs the whole tower on a crop of the image for every region: slow, a baseline.
package struct CropScorer<Features: Sendable>: RegionScorer {
    let tower: VisionTower

    /// A few crops at a time, so that memory does not grow with the number of regions.
    private static var cropsAtATime: Int { 32 }

    /// Embeddings of regions, [R, E] `float32`.
    package func embeddings(of boxes: [Boxes], features: Features, pixels: Tensor) throws -> Tensor {
        try withoutGradients {
            let images = boxes.imageIndices
            let all = try Boxes.cat(boxes)
            var results: [Tensor] = []
            for start in stride(from: 0, to: images.count, by: Self.cropsAtATime) {
                let range = start..<min(start + Self.cropsAtATime, images.count)
                let regions = try Regions(
                    boxes: Boxes(all.tensor[range]), images: Array(images[range]),
                    levels: [Int64](repeating: 0, count: range.count))
                let crops = try roiAlign(
                    [PyramidLevel(pixels.to(.float32), scale: 1)], regions, output: Size2D(tower.imageSize),
                    sampling: .aligned(ratio: 0))
                results.append(try tower.embedding(of: crops.contiguous()).to(.float32))
            }
            return results.isEmpty
                ? try Tensor.zeros([0, tower.embeddingWidth], device: pixels.device) : try Tensor.cat(results)
        }
    }
}
