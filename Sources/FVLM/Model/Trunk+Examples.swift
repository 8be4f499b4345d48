import RegionDetection
import Torch

extension Trunk {
    /// The pyramid's maps for one image, [C, h, w] each: the contents of a cache.
    /// - Parameter image: [3, H, W], normalised.
    /// - Throws: The errors of ``features(of:)``.
    package func levels(ofImage image: Tensor, padding: ImageBatch.Padding, on device: Device) throws
        -> [Tensor]
    {
        try levels(of: ImageBatch([image.to(device: device)], padding: padding).pixels)
            .map { try $0.squeezed(0) }
    }

    /// The pyramid's maps for a batch of examples: from their cache, or computed.
    /// - Parameter device: The device of the tower.
    /// - Throws: `DetectionError` if only some of them have maps; the errors of ``features(of:)``.
    func levels(of examples: [TrainingExample], padding: ImageBatch.Padding, on device: Device) throws
        -> [Tensor]
    {
        guard let first = examples.first, !first.features.isEmpty else {
            let images = try examples.map { try $0.pixels(on: device) }
            return try levels(of: ImageBatch(images, padding: padding).pixels)
        }
        guard examples.allSatisfy({ $0.features.count == first.features.count }) else {
            throw DetectionError(
                "training", "some examples of a batch have the trunk's maps, others do not")
        }
        return try first.features.indices.map { level in
            // In the stored type on their way: half as much.
            try Tensor.stack(examples.map { try $0.feature(level) }).to(device: device, dtype: .float32)
        }
    }
}
