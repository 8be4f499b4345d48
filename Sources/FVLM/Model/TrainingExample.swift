import CLIP
import RegionDetection
import Torch

/// One image in the network's frame with its ground truth.
public struct TrainingExample: Sendable {
    /// The image's id in its data set, for messages.
    public var imageID: Int64

    /// [3, H, W] `float32`, normalized, without padding; `uint8` where ``normalization`` is to make numbers of it.
    public var pixels: Tensor { didSet { uploads = [] } }

    /// What makes numbers of ``pixels`` when these are bytes, on the network's device.
    public var normalization: PixelNormalization?

    /// The objects' boxes, [G, 4] in pixels of ``pixels``.
    public var boxes: Boxes

    /// [G], indices of the objects' names among the training vocabulary's classes, not counting the background.
    public var classes: [Int]

    /// The objects' masks, [G].
    public var masks: [InstanceMask]

    /// Regions that are neither object nor background, in pixels of ``pixels``.
    public var crowd: Boxes

    /// The frozen trunk's maps of the image, [C, h, w] each, if they come from a cache: ``pixels`` then only provide
    /// the size. Empty: the trunk computes them.
    public var features: [Tensor] = [] { didSet { uploads = [] } }

    /// What the sampling of this image's anchors and regions starts from, so that it does not depend on the other images of the
    /// batch; nil: it goes on where that of the image before has ended.
    public var samplingSeed: UInt64?

    /// ``features``, or ``pixels`` where there are none, on their way to a device.
    private var uploads: [Upload] = []

    /// Creates an example from its parts.
    public init(
        imageID: Int64, pixels: Tensor, boxes: Boxes, classes: [Int], masks: [InstanceMask], crowd: Boxes
    ) {
        self.imageID = imageID
        self.pixels = pixels
        self.boxes = boxes
        self.classes = classes
        self.masks = masks
        self.crowd = crowd
    }

    /// Begins to send what the network needs to its device, beside what is computed there; does nothing for devices on which
    /// nothing runs beside.
    /// - Throws: `TorchError`.
    package mutating func send(to device: Device) throws {
        guard device.copiesAsynchronously else { return }
        uploads = try (features.isEmpty ? [pixels] : features).map { try Upload($0, to: device) }
    }

    /// ``pixels`` on a device, normalized.
    func pixels(on device: Device) throws -> Tensor {
        let pixels = try (features.isEmpty ? uploads.first?.tensor() : nil) ?? pixels
        let moved = try pixels.to(device: device)
        return try normalization.map { try $0(bytes: moved) } ?? moved
    }

    /// A level of ``features``: on the device that it was sent to, otherwise in main memory.
    func feature(_ level: Int) throws -> Tensor {
        try features.count == uploads.count ? uploads[level].tensor() : features[level]
    }
}

/// The mask of one object in the network's frame.
public enum InstanceMask: Sendable {
    /// Rings of corners x, y, x, y, ... in pixels.
    case polygons([[Double]])
    /// `uint8` [H, W], nonzero for pixels of the object.
    case bitmap(Tensor)
    /// No mask; the object is excluded from the mask loss.
    case none
}

extension Trunk {
    /// The pyramid's maps for one image, [C, h, w] each: the contents of a cache.
    /// - Parameter image: [3, H, W], normalized.
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
