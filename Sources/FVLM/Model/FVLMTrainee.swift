import RegionDetection
import Support
import Torch

/// A model in training: the detector learns, the trunk is looked at.
public final class FVLMTrainee {
    /// What is looked at.
    public let trunk: any Trunk

    /// What learns.
    public let network: DetectorNetwork

    /// The embeddings of the classes that are trained on, [K, E], row 0 the background.
    public let texts: Tensor

    /// Heights and widths of batches are multiples of it.
    public let sizeMultiple: Int

    /// The least height and width that batches are padded to; see ``DetectorConfiguration/frame``.
    public let frame: Size2D

    /// Adds up where the time of the forward passes goes, when there is one.
    public var profile: StageProfile?

    /// A model that learns classes with these embeddings.
    public init(
        trunk: any Trunk, network: DetectorNetwork, texts: Tensor, sizeMultiple: Int,
        frame: Size2D = Size2D(0)
    ) {
        self.trunk = trunk
        self.network = network
        self.texts = texts
        self.sizeMultiple = sizeMultiple
        self.frame = frame
    }

    /// The parameters of the trained part.
    public var parameters: ParameterStore { network.store }

    /// The named terms of the loss of a batch.
    /// - Throws: `CLIPError`, `DetectionError` for a class that the texts lack, `TorchError`.
    public func losses(_ batch: [TrainingExample], generator: Generator) throws -> [(
        name: String, value: Tensor
    )] {
        try StageProfile.$current.withValue(profile ?? StageProfile.current) {
            let levels = try StageProfile.measure(.trunk) { try self.levels(of: batch) }
            return try network.losses(
                levels, sizes: batch.map { Size2D($0.pixels.shape[1], $0.pixels.shape[2]) }, examples: batch,
                texts: texts, generator: generator
            ).terms
        }
    }

    /// The trunk's maps of a batch: from its cache, or computed.
    private func levels(of batch: [TrainingExample]) throws -> [Tensor] {
        guard let first = batch.first, !first.features.isEmpty else {
            let images = try ImageBatch(batch.map(\.pixels), multiple: sizeMultiple, frame: frame)
            return try trunk.levels(of: images.pixels)
        }
        guard batch.allSatisfy({ $0.features.count == first.features.count }) else {
            throw DetectionError(
                "training", "some examples of a batch have the trunk's maps, others have not")
        }
        return try first.features.indices.map { level in
            try Tensor.stack(batch.map { $0.features[level] }).to(.float32)
        }
    }

    /// The trunk's maps of one image, [C, h, w] each, as ``losses(_:generator:)`` computes them: what a cache keeps.
    /// - Parameter pixels: [3, H, W], normalised.
    /// - Throws: `CLIPError`, `TorchError`.
    public func features(of pixels: Tensor) throws -> [Tensor] {
        let image = try ImageBatch([pixels], multiple: sizeMultiple, frame: frame)
        return try trunk.levels(of: image.pixels).map {
            try $0.squeezed(0)
        }
    }
}
