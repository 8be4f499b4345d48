import Support

/// Encodes boxes as differences from other boxes (anchors, proposals), the targets of box regression.
///
/// The four deltas are the offset of the center in widths and heights of the source, and the logarithm of the ratio of
/// widths and heights, each times its weight (Fast R-CNN, appendix C; detectron2's `Box2BoxTransform`).
public struct BoxCoder: Sendable, Hashable {
    /// How the width of a box is measured.
    public enum Extent: String, Sendable, Hashable {
        /// x2 - x1.
        case continuous
        /// x2 - x1 + 1, for corners that are pixel indices, as in the published F-VLM.
        case inclusive
    }

    /// Factors of dx, dy, dw and dh.
    public var weights: [Double]

    /// The upper limit of dw and dh (without weights), which keeps the exponential from overflowing.
    public var scaleClamp: Double

    /// Whether dw and dh are kept above minus ``scaleClamp`` too, as mmdet does.
    public var clampsBothWays = false

    /// How the width of a box is measured.
    public var extent: Extent

    /// log(1000 / 16): a box grows at most 62.5 times.
    public static let standardScaleClamp = log(1000.0 / 16)

    /// Creates a coder with weights of 1, as used for proposals.
    public init(scaleClamp: Double = standardScaleClamp, extent: Extent = .continuous) {
        weights = [1, 1, 1, 1]
        self.scaleClamp = scaleClamp
        self.extent = extent
    }

    /// Creates a coder with weights for dx, dy, dw and dh.
    /// - Throws: ``DetectionError`` unless there are four positive weights.
    public init(
        weights: [Double], scaleClamp: Double = standardScaleClamp, extent: Extent = .continuous
    ) throws {
        guard weights.count == 4, weights.allSatisfy({ $0 > 0 && $0.isFinite }) else {
            throw DetectionError("BoxCoder", "needs four positive weights, not \(weights)")
        }
        self.init(scaleClamp: scaleClamp, extent: extent)
        self.weights = weights
    }

    /// The coder of box heads: weights 10, 10, 5 and 5.
    public static func boxHead(extent: Extent = .continuous) -> BoxCoder {
        var coder = BoxCoder(extent: extent)
        coder.weights = [10, 10, 5, 5]
        return coder
    }

    // A source without width would give infinite deltas. No detectable object is this narrow.
    private static let leastSide = 1.0 / 1024

    private func centersAndSides(_ boxes: Tensor) throws -> (
        x: Tensor, y: Tensor, width: Tensor, height: Tensor
    ) {
        let columns = try boxes.unbound(-1)
        let more = extent == .inclusive ? 1.0 : 0.0
        let (width, height) = try (columns[2] - columns[0] + more, columns[3] - columns[1] + more)
        return try (columns[0] + width * 0.5, columns[1] + height * 0.5, width, height)
    }

    /// The deltas from sources [N] to targets [N]: [N, 4].
    ///
    /// Sides below 1/1024 pixel count as 1/1024, so that deltas are finite for boxes without area.
    /// - Throws: `TorchError` if the numbers of targets and sources differ.
    public func encode(_ targets: Boxes, from sources: Boxes) throws -> Tensor {
        let source = try centersAndSides(sources.tensor)
        let target = try centersAndSides(targets.tensor)
        let width = try source.width.clamped(min: Self.leastSide)
        let height = try source.height.clamped(min: Self.leastSide)
        return try Tensor.stack(
            [
                (target.x - source.x) / width * weights[0],
                (target.y - source.y) / height * weights[1],
                (target.width.clamped(min: Self.leastSide) / width).log() * weights[2],
                (target.height.clamped(min: Self.leastSide) / height).log() * weights[3],
            ], dimension: 1)
    }

    /// Applies deltas to boxes, in `float32`.
    /// - Parameters:
    ///   - deltas: [N, 4 k], k sets per source.
    ///   - sources: [N].
    /// - Returns: [N, 4 k].
    /// - Throws: ``DetectionError`` for other shapes, `TorchError`.
    public func decode(_ deltas: Tensor, from sources: Boxes) throws -> Tensor {
        guard deltas.rank == 2, deltas.shape[0] == sources.count, deltas.shape[1] % 4 == 0 else {
            throw DetectionError("BoxCoder", "\(deltas.summary) does not fit \(sources.count) boxes")
        }
        let source = try centersAndSides(sources.tensor.unsqueezed(1))
        let sets = try deltas.to(.float32).reshaped([sources.count, deltas.shape[1] / 4, 4]).unbound(2)
        let (dx, dy) = try (sets[0] / weights[0], sets[1] / weights[1])
        func clamped(_ scale: Tensor) throws -> Tensor {
            clampsBothWays
                ? try scale.clamped(min: -scaleClamp, max: scaleClamp) : try scale.clamped(max: scaleClamp)
        }
        let (dw, dh) = try (clamped(sets[2] / weights[2]), clamped(sets[3] / weights[3]))
        let (x, y) = try (dx * source.width + source.x, dy * source.height + source.y)
        let (width, height) = try (dw.exp() * source.width, dh.exp() * source.height)
        let (x1, y1) = try (x - width * 0.5, y - height * 0.5)
        let less = extent == .inclusive ? 1.0 : 0.0
        let (x2, y2) =
            extent == .inclusive
            ? try (x1 + width - less, y1 + height - less) : try (x + width * 0.5, y + height * 0.5)
        return try Tensor.stack([x1, y1, x2, y2], dimension: 2).reshaped(deltas.shape)
    }

    /// Same as ``decode(_:from:)`` for one set of deltas per box, [N, 4].
    public func boxes(_ deltas: Tensor, from sources: Boxes) throws -> Boxes {
        try Boxes(decode(deltas, from: sources))
    }
}
