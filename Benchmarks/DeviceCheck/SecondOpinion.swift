import RegionDetection
import Support
import Torch
import WeightFiles

/// Inputs and results of RoIAlign and suppression, to be compared with another library's.
enum SecondOpinion {
    /// Writes `map` [1, 16, 40, 56], `boxes` [50, 4] (pixels, stride 4), `scores` [50]; `pooled` [50, 16, 7, 7] (aligned, 2
    /// samples along each axis), `adaptive` (0: as many as pixels) and `kept`, the rows that suppression at 0.5 leaves.
    static func write(to path: String, device: Device) throws {
        let generator = try Generator(seed: 11)
        let map = try Tensor.randomNormal([1, 16, 40, 56], generator: generator)
        let numbers = try Tensor.random([50, 4], generator: generator).array(of: Float.self)
        let boxes = try Boxes(
            stride(from: 0, to: numbers.count, by: 4).map { place in
                let (x, y) = (numbers[place] * 150, numbers[place + 1] * 100)
                return [x, y, x + 8 + numbers[place + 2] * 60, y + 8 + numbers[place + 3] * 50]
            })
        let scores = try Tensor.random([50], generator: generator)
        let regions = try Regions(
            boxes: boxes, images: [Int64](repeating: 0, count: 50), levels: [Int64](repeating: 0, count: 50))
        func pooled(_ ratio: Int) throws -> Tensor {
            try roiAlign(
                [PyramidLevel(map.to(device: device), scale: 0.25)], regions, output: Size2D(7),
                sampling: .aligned(ratio: ratio), format: .contiguous)
        }
        let kept = try NonMaximumSuppression(threshold: 0.5)(boxes, scores: scores)
        try Safetensors.write(
            [
                map.stored(named: "map"), boxes.tensor.stored(named: "boxes"), scores.stored(named: "scores"),
                pooled(2).stored(named: "pooled"), pooled(0).stored(named: "adaptive"),
                kept.stored(named: "kept"),
            ], metadata: ["device": device.description], to: path)
    }
}
