/// Samples the regions that the heads learn from, and labels them.
public struct RegionSampler: Sendable, Hashable {
    /// The matcher of proposals to ground truths.
    public var matcher: Matcher

    /// The sampler of the matched regions.
    public var sampler: BalancedSampler

    /// Whether ground-truth boxes are added to the proposals, so that there are good regions from the start.
    public var appendsGroundTruth: Bool

    /// Creates a sampler from a matcher and a balanced sampler.
    public init(matcher: Matcher, sampler: BalancedSampler, appendsGroundTruth: Bool = true) {
        self.matcher = matcher
        self.sampler = sampler
        self.appendsGroundTruth = appendsGroundTruth
    }

    /// 512 regions per image, at most a quarter of them foreground, overlapping an object by at least a half.
    public static func standard() -> RegionSampler {
        RegionSampler(matcher: .regions(), sampler: .regions())
    }

    /// Regions of an image, foreground first.
    public struct Sample: Sendable {
        /// [R].
        public let boxes: Boxes

        /// The class of each region, [R] `int64`; 0 is background.
        public let classes: Tensor

        /// The row of each region's ground truth, [R] `int64`; undefined for background.
        public let matches: Tensor

        /// The box of each region's ground truth, [R]; the region itself for background.
        public let targets: Boxes

        /// The number of foreground regions, which come first.
        public let foregroundCount: Int
    }

    /// Samples the regions of an image.
    /// - Parameters:
    ///   - proposals: [P].
    ///   - groundTruth: [M]; empty for an image without objects.
    ///   - classes: [M] `int64`, from 1 on.
    ///   - ignored: Regions, such as crowds, in which proposals are not learned as background.
    ///   - generator: The source of random numbers for sampling.
    /// - Throws: ``DetectionError`` for a class below 1 or if the numbers of classes and boxes differ.
    public func callAsFunction(
        _ proposals: Boxes, groundTruth: Boxes, classes: Tensor, ignored: Boxes? = nil, generator: Generator
    ) throws -> Sample {
        guard classes.shape == [groundTruth.count] else {
            throw DetectionError(
                "RegionSampler", "\(groundTruth.count) boxes have the classes \(classes.summary)")
        }
        if groundTruth.count > 0, try classes.min().item() < 1 {
            throw DetectionError("RegionSampler", "classes start from 1; 0 is the background")
        }
        return try withoutGradients {
            let boxes = appendsGroundTruth ? try Boxes.cat([proposals, groundTruth]) : proposals
            var matches = try matcher(boxes, groundTruth: groundTruth)
            if let ignored { matches = try matcher.ignoring(ignored, of: matches, boxes: boxes) }
            let drawn = try sampler(matches.labels, generator: generator)
            let rows = try Tensor.cat([drawn.positive, drawn.negative]).to(device: boxes.device)
            let chosen = Boxes(unchecked: try boxes.tensor.indexSelected(0, rows))
            let indices = try matches.indices.indexSelected(0, rows)
            let count = drawn.positive.count
            guard groundTruth.count > 0 else {
                return Sample(
                    boxes: chosen, classes: try indices.zerosLike(), matches: indices, targets: chosen,
                    foregroundCount: 0)
            }
            let isForeground = try Tensor.arange(to: rows.count, device: boxes.device) .< count
            let found = try classes.to(.int64).indexSelected(0, indices)
            let targets = try groundTruth.tensor.indexSelected(0, indices)
                .where(isForeground.unsqueezed(1), otherwise: chosen.tensor)
            return Sample(
                boxes: chosen, classes: try found.maskedFill(.!isForeground, with: 0),
                matches: indices, targets: Boxes(unchecked: targets), foregroundCount: count)
        }
    }
}
