import RegionDetection
import Support
import Torch

extension DetectorNetwork {
    /// The terms of the loss, `float32` tensors without dimensions.
    public struct Losses: Sendable {
        /// Objectness of anchors.
        public let proposalScore: Tensor
        /// Boxes of anchors.
        public let proposalBox: Tensor
        /// Classes of regions.
        public let classification: Tensor
        /// Boxes of regions.
        public let box: Tensor
        /// Masks of foreground regions; nil for a detector of boxes only.
        public let mask: Tensor?

        /// The terms with detectron2's names, which logs use.
        public var terms: [(name: String, value: Tensor)] {
            var terms = [
                ("loss_rpn_cls", proposalScore), ("loss_rpn_loc", proposalBox), ("loss_cls", classification),
                ("loss_box_reg", box),
            ]
            if let mask { terms.append(("loss_mask", mask)) }
            return terms.map { (name: $0.0, value: $0.1) }
        }
    }

    /// The loss of a batch for this network, on top of the frozen trunk.
    /// - Parameters:
    ///   - examples: Images, or the trunk's maps of them, with their ground truth, in main memory.
    ///   - trunk: The frozen image tower.
    ///   - texts: [K, E], row 0 the background, then the classes that examples refer to; on this network's device.
    ///   - padding: How images are padded to a batch.
    ///   - generator: The source of random numbers for sampling anchors and regions.
    /// - Throws: `CLIPError`, `DetectionError` for a class that the texts lack, `TorchError`.
    public func losses(
        of examples: [TrainingExample], trunk: any Trunk, texts: Tensor, padding: ImageBatch.Padding,
        generator: Generator
    ) throws -> Losses {
        let levels = try StageProfile.measure(.trunk) {
            try trunk.levels(of: examples, padding: padding, on: store.device)
        }
        return try losses(
            levels, sizes: examples.map { Size2D($0.pixels.shape[1], $0.pixels.shape[2]) },
            examples: examples, texts: texts, generator: generator)
    }

    /// The loss of a batch from the trunk's maps.
    ///
    /// Only arithmetic runs on a device: anchors, regions and masks are matched and sampled in main memory, and the targets
    /// are uploaded in a few pieces.
    /// - Parameters:
    ///   - trunk: The frozen trunk's maps.
    ///   - sizes: Height and width of each image without its padding.
    ///   - examples: The ground truth of each image.
    ///   - texts: [K, E], row 0 the background, then the classes that examples refer to; on the maps' device.
    ///   - generator: The source of random numbers for sampling anchors and regions.
    /// - Throws: `DetectionError`, `TorchError`.
    package func losses(
        _ trunk: [Tensor], sizes: [Size2D], examples: [TrainingExample], texts: Tensor, generator: Generator
    ) throws -> Losses {
        let pyramid = try StageProfile.measure(.pyramid) { try self.pyramid(trunk) }
        let (proposalLosses, samples) = try StageProfile.measure(.proposals) {
            try proposalTerms(pyramid, sizes: sizes, examples: examples, generator: generator)
        }
        let output = try StageProfile.measure(.boxHead) {
            try regions(pyramid, boxes: samples.map(\.boxes))
        }
        let classes = try Tensor.cat(samples.map(\.classes))
        let (classification, box) = try StageProfile.measure(.scoring) {
            try withAutocast(nil, device: texts.device.kind) {
                (
                    try classificationTerm(output.embeddings, classes, texts),
                    try boxTerm(output.deltas, samples, classes)
                )
            }
        }
        return Losses(
            proposalScore: proposalLosses.objectness, proposalBox: proposalLosses.boxes,
            classification: classification, box: box,
            mask: try StageProfile.measure(.masks) { try maskTerm(pyramid, samples, examples) })
    }

    /// The terms of the proposal network, and the regions that the heads learn from.
    private func proposalTerms(
        _ pyramid: [Tensor], sizes: [Size2D], examples: [TrainingExample], generator: Generator
    ) throws -> (RegionProposalNetwork.Losses, [RegionSampler.Sample]) {
        let proposals = try proposalNetwork(pyramid, sizes: sizes)
        let seeds = examples.compactMap(\.samplingSeed)
        let proposalLosses = try withAutocast(nil, device: pyramid[0].device.kind) {
            try proposalNetwork.losses(
                proposals, groundTruth: examples.map(\.boxes), ignored: examples.map(\.crowd),
                generator: generator, seeds: seeds.count == examples.count ? seeds : nil)
        }
        let samples = try zip(proposals.boxes, examples).map { boxes, example in
            if let seed = example.samplingSeed { try generator.seed(~seed) }
            return try architecture.regionSampler(
                boxes, groundTruth: example.boxes, classes: Tensor(example.classes.map { $0 + 1 }),
                ignored: example.crowd, generator: generator)
        }
        return (proposalLosses, samples)
    }

    private func classificationTerm(_ embeddings: Tensor, _ classes: Tensor, _ texts: Tensor) throws -> Tensor
    {
        // The contrastive loss has a fixed temperature of its own and takes cosines.
        if case .contrastive = architecture.classificationLoss {
            return try architecture.classificationLoss(
                TextClassifier.cosines(embeddings, texts: texts), classes: classes)
        }
        return try architecture.classificationLoss(classifier(embeddings, texts: texts), classes: classes)
    }

    private func boxTerm(_ deltas: Tensor, _ samples: [RegionSampler.Sample], _ classes: Tensor) throws
        -> Tensor
    {
        let sources = try Boxes.cat(samples.map(\.boxes))
        let targets = try architecture.regionCoder.encode(Boxes.cat(samples.map(\.targets)), from: sources)
        return try regionBoxLoss(
            deltas, targets: targets, classes: classes, sources: sources, coder: architecture.regionCoder,
            loss: architecture.regionBoxLoss, normalizer: architecture.regionBoxNormalizer)
    }

    private func maskTerm(
        _ pyramid: [Tensor], _ samples: [RegionSampler.Sample], _ examples: [TrainingExample]
    ) throws
        -> Tensor?
    {
        guard architecture.maskHead != nil else { return nil }
        let builder = MaskTargetBuilder(
            kind: architecture.maskTargets, side: architecture.maskPooler.output * 2)
        var boxes: [Boxes] = []
        var targets: [Tensor] = []
        for (sample, example) in zip(samples, examples) {
            // Evenly spaced: without sampling they are in the order of their objectness.
            let count = sample.foregroundCount
            let learned = min(architecture.maskRegionLimit ?? count, count)
            let rows = try Tensor((0..<learned).map { $0 * count / learned })
            let foreground = try sample.boxes.tensor.indexSelected(0, rows)
            let matches = try sample.matches.indexSelected(0, rows).array(of: Int.self)
            let (regions, masks) = try builder(
                example.masks, objectBoxes: example.boxes, matches: matches, boxes: Boxes(foreground))
            boxes.append(try Boxes(foreground).selected(Tensor(regions)))
            targets.append(masks)
        }
        if try isLearnedInParts(pyramid) { return try maskTermInParts(pyramid, boxes, targets) }
        guard let logits = try maskLogits(pyramid, boxes: boxes) else { return nil }
        return try withAutocast(nil, device: logits.device.kind) {
            try maskLoss(logits, targets: Tensor.cat(targets))
        }
    }

    /// Whether the mask head's regions can be learned one after another: statistics of a batch are of all its regions. On a
    /// device small parts would leave it idle, and `float16` needs its gradients scaled from the start.
    private func isLearnedInParts(_ pyramid: [Tensor]) throws -> Bool {
        guard let head = architecture.maskHead, pyramid[0].device.isProcessor else { return false }
        if case .batch = head.normalization { return false }
        return try autocastType != .float16
    }

    /// The most regions of a part: enough work for many threads.
    private static let regionsOfPart = 64

    /// The masks' term part by part, since the activations of all regions would be most of a step's memory.
    private func maskTermInParts(_ pyramid: [Tensor], _ boxes: [Boxes], _ targets: [Tensor]) throws -> Tensor
    {
        let side = architecture.maskPooler.output * 2
        let pixels = try SharedBatch.total(boxes.reduce(0) { $0 + $1.count } * side * side)
        let parts = RegionPart.parts(of: boxes.map(\.count), limit: Self.regionsOfPart)
        let maps = Array(pyramid.prefix(architecture.maskPooler.strides.count))
        let sum = PartwiseSum(
            "mask loss", maps: maps,
            parameters: try store.parameters(under: "mask_head").map { try $0.value })
        // All counts of other processes are known.
        return try SharedBatch.$group.withValue(nil) {
            try sum(parts.map(\.images)) { part, maps in
                let regions = try parts[part].rows(of: boxes.map(\.tensor)).map { try Boxes($0) }
                let wanted = try parts[part].rows(of: targets)
                guard let logits = try maskLogits(maps, boxes: regions) else { return try Tensor.zeros([]) }
                return try withAutocast(nil) {
                    let share = Double(logits.count) / Double(max(pixels, 1))
                    return try maskLoss(logits, targets: Tensor.cat(wanted)) * share
                }
            }
        }
    }
}
