/// Boxes [N, 4]: x1, y1, x2, y2 in pixels of the detector's input image, `float32`.
///
/// A box covers the points from its first corner to its second: pixel (0, 0) is the box 0, 0, 1, 1.
public struct Boxes: Sendable {
    /// [N, 4], `float32`.
    public let tensor: Tensor

    /// Creates boxes from a tensor [N, 4], converted to `float32`.
    /// - Throws: ``DetectionError`` for a different shape, `TorchError`.
    public init(_ tensor: Tensor) throws {
        guard tensor.rank == 2, tensor.shape[1] == 4 else {
            throw DetectionError("Boxes", "\(tensor.summary) does not have the shape [N, 4]")
        }
        self.tensor = try tensor.to(.float32)
    }

    /// Creates boxes from rows of x1, y1, x2, y2.
    /// - Throws: ``DetectionError`` unless every box has four numbers.
    public init(_ corners: [[Float]]) throws {
        guard corners.allSatisfy({ $0.count == 4 }) else {
            throw DetectionError("Boxes", "every box needs four numbers: x1, y1, x2, y2")
        }
        tensor = try Tensor(corners.flatMap { $0 }, shape: [corners.count, 4])
    }

    /// An empty set of boxes.
    /// - Throws: `TorchError`.
    public static func none(device: Device = .cpu) throws -> Boxes {
        try Boxes(Tensor.zeros([0, 4], device: device))
    }

    /// The number of boxes.
    public var count: Int { tensor.shape[0] }

    /// The device of the tensor.
    public var device: Device { tensor.device }

    /// Concatenates boxes.
    /// - Throws: `TorchError` if they are on different devices.
    public static func cat(_ boxes: [Boxes]) throws -> Boxes {
        boxes.isEmpty ? try none() : try Boxes(Tensor.cat(boxes.map(\.tensor)))
    }

    /// The boxes at the given rows (`int64`), or where a mask (`bool`) is true.
    /// - Throws: `TorchError` for rows that do not exist.
    public func selected(_ rows: Tensor) throws -> Boxes {
        try Boxes(tensor[rows])
    }

    /// x1, y1, x2, y2 of all boxes, [N] each.
    var columns: (x1: Tensor, y1: Tensor, x2: Tensor, y2: Tensor) {
        get throws {
            let columns = try tensor.unbound(1)
            return (columns[0], columns[1], columns[2], columns[3])
        }
    }

    /// Width times height of every box, [N]. Negative if one side is.
    public func areas() throws -> Tensor {
        let (x1, y1, x2, y2) = try columns
        return try (x2 - x1) * (y2 - y1)
    }

    /// Where clipping ends.
    public enum Border: Sendable, Hashable {
        /// At the image's edge: x from 0 to width.
        case edge
        /// At the last pixel: x from 0 to width - 1, as in the published F-VLM.
        case lastPixel
    }

    /// The boxes clipped to an image. NaN stays NaN.
    /// - Parameters:
    ///   - size: Height and width of the image in pixels.
    ///   - border: Where the image ends: at its edge, or at the centers of its last pixels.
    public func clipped(to size: Size2D, border: Border = .edge) throws -> Boxes {
        let inset = border == .edge ? 0 : 1
        let (width, height) = (Swift.max(size.width - inset, 0), Swift.max(size.height - inset, 0))
        let (x1, y1, x2, y2) = try columns
        return try Boxes(
            Tensor.stack(
                [
                    x1.clamped(min: 0, max: width), y1.clamped(min: 0, max: height),
                    x2.clamped(min: 0, max: width), y2.clamped(min: 0, max: height),
                ], dimension: 1))
    }

    /// Whether each box is wider and higher than `threshold` pixels, [N] `bool`; false for boxes with NaN.
    package func areNonEmpty(above threshold: Double = 0) throws -> Tensor {
        let (x1, y1, x2, y2) = try columns
        return try ((x2 - x1) .> threshold) .&& ((y2 - y1) .> threshold)
    }

    /// Whether each box has four finite numbers, [N] `bool`.
    package func areFinite() throws -> Tensor { try tensor.isFinite().all([1]) }

    /// The boxes with x and y multiplied by separate factors.
    package func scaled(x: Double, y: Double) throws -> Boxes {
        try Boxes(tensor * Tensor([x, y, x, y].map(Float.init)).to(device: device))
    }

    /// The numbers in main memory, four per box.
    func array() throws -> [Float] { try tensor.array(of: Float.self) }

    /// The numbers in main memory; throws unless all are finite.
    func finiteArray(for operation: String) throws -> [Float] {
        let numbers = try array()
        if let place = numbers.firstIndex(where: { !$0.isFinite }) {
            let box = numbers[(place / 4 * 4)..<(place / 4 * 4 + 4)].map { "\($0)" }.joined(separator: ", ")
            throw DetectionError(
                operation, "box \(place / 4) is not finite (\(box)): the network's numbers have overflowed")
        }
        return numbers
    }
}

extension Boxes {
    /// Creates boxes from a tensor known to be [N, 4] `float32`, such as rows of other boxes. Nothing is checked.
    init(unchecked tensor: Tensor) { self.tensor = tensor }
}

// MARK: - Overlap

extension Boxes {
    /// The intersection area of every box [N] with every other [M], [N, M].
    package func intersections(with others: Boxes) throws -> Tensor {
        let (mine, theirs) = try (tensor.unsqueezed(1), others.tensor.unsqueezed(0))
        let first = try Tensor.maximum(mine[TensorIndex.ellipsis, 0..<2], theirs[TensorIndex.ellipsis, 0..<2])
        let second = try Tensor.minimum(
            mine[TensorIndex.ellipsis, 2..<4], theirs[TensorIndex.ellipsis, 2..<4])
        return try (second - first).clamped(min: 0).product(2)
    }

    /// Intersection over union of every box [N] with every other [M], [N, M]; 0 for disjoint boxes.
    public func intersectionOverUnion(with others: Boxes) throws -> Tensor {
        let common = try intersections(with: others)
        let union = try areas().unsqueezed(1) + others.areas().unsqueezed(0) - common
        return try (common / union).where(common .> 0, otherwise: common.zerosLike())
    }

    /// The fraction of every box [N] inside every other [M], [N, M]; 0 for disjoint boxes. The measure for crowd
    /// regions, which have no extent of their own.
    public func intersectionOverArea(with others: Boxes) throws -> Tensor {
        let common = try intersections(with: others)
        return try (common / areas().unsqueezed(1)).where(common .> 0, otherwise: common.zerosLike())
    }

    /// The smallest boxes that enclose each pair, [N].
    /// - Throws: `TorchError` if the numbers of boxes differ.
    package func hulls(with others: Boxes) throws -> Boxes {
        let first = try Tensor.minimum(tensor[TensorIndex.all, 0..<2], others.tensor[TensorIndex.all, 0..<2])
        let second = try Tensor.maximum(tensor[TensorIndex.all, 2..<4], others.tensor[TensorIndex.all, 2..<4])
        return try Boxes(Tensor.cat([first, second], dimension: 1))
    }
}
