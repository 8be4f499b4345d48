import FVLM
import FixtureSupport
import Imaging
import Testing
import TorchFixtures

extension FViTParity {
    /// A whole detector from its file: every stage, then all at once.
    static func endToEnd(_ recorded: FixtureCase) throws {
        let parameters = try recorded.parameters
        let model = try RecordedFViT(recorded)
        let (trunk, network) = (model.trunk, model.network)
        let pixels = try recorded.deviceTensor("in.image")
        let content = try parameters["img_shape"].ints
        let batch = ImageBatch(pixels: pixels, sizes: [Size2D(content[0], content[1])])
        let options = model.configuration.scoring
        let isBase = try recorded.isBase()

        let features = try trunk.features(of: pixels)
        let levels = try trunk.levels(of: features)
        for (level, map) in levels.enumerated() { try recorded.expectEqual("out.trunk\(level)", map) }
        let scorer = try #require(try trunk.scorer(for: options) as? DenseMapScorer)
        try recorded.expectEqual("out.vlm_map", scorer.map(of: features))
        let pyramid = try network.pyramid(levels)
        for (level, map) in pyramid.enumerated() { try recorded.expectEqual("out.p\(level)", map) }
        let proposals = try network.proposalNetwork(pyramid, sizes: batch.sizes)
        for level in pyramid.indices {
            try recorded.expectEqual("out.rpn.logits\(level)", proposals.predictions.logits[level])
            guard recorded.has("out.rpn.deltas\(level)") else { continue }
            try recorded.expectEqual("out.rpn.deltas\(level)", proposals.predictions.deltas[level])
        }
        try recorded.expectEqual("out.proposals", proposals.boxes[0].tensor)
        try recorded.expectEqual("out.proposal_scores", proposals.logits[0].sigmoid())
        try recorded.expectEqual(
            "out.levels", Tensor(network.architecture.boxPooler.levels(for: proposals.boxes[0])))
        try recorded.expectEqual("out.pooled", network.pooledRegions(pyramid, boxes: proposals.boxes))
        let output = try network.regions(pyramid, boxes: proposals.boxes)
        try recorded.expectEqual("out.class_features", output.embeddings)
        try recorded.expectEqual("out.deltas", output.deltas)
        let logits = try network.classifier(output.embeddings, texts: model.texts)
        try recorded.expectEqual("out.detector_logits", backgroundLast(logits))
        let vlm = try scorer.embeddings(of: proposals.boxes, features: features, pixels: pixels)
        try recorded.expectEqual("out.vlm_regions", vlm)
        let vlmLogits = try TextClassifier(fixedTemperature: options.vlmTemperature)(vlm, texts: model.texts)
        try recorded.expectEqual("out.vlm_logits", backgroundLast(vlmLogits))
        try recorded.expectEqual(
            "out.fused", backgroundLast(FusedScores(all: logits, vlmLogits, isBase: isBase, options).table()))

        // All at once, from the recorded input.
        let found = try network.detections(
            in: batch, trunk: trunk, texts: model.texts, names: parameters["names"].strings, isBase: isBase,
            options: options)[0]
        let factors = try parameters["scale_factor"].doubles
        let boxes = try found.boxes.scaled(x: 1 / factors[0], y: 1 / factors[1])
        try recorded.expectEqual("out.boxes", boxes.tensor)
        try recorded.expectEqual("out.scores", Tensor(found.map(\.score)))
        try recorded.expectEqual("out.labels", Tensor(found.map { Int64($0.classIndex) }))

        // The picture's way into the network.
        let picture = try recorded.picture("in.picture")
        try recorded.expectEqual(
            "out.preprocessed", model.configuration.preprocessor(picture).tensor.unsqueezed(0))

        guard recorded.has("out.masks") else { return }
        let maskLogits = try #require(try network.maskLogits(pyramid, boxes: [found.boxes]))
        try recorded.expectEqual("out.mask_logits", maskLogits)
        let size = try parameters["ori_shape"].ints
        let paster = try MaskPaster(
            size: Size2D(size[0], size[1]), threshold: parameters["mask_thr_binary"].double)
        try recorded.expectEqual("out.masks", paster(maskLogits.sigmoid(), boxes: boxes).to(.uint8))
    }
}

/// A detector of a case's file, on the image tower that the file holds.
struct RecordedFViT {
    let configuration: DetectorConfiguration
    let trunk: FourBlockTrunk
    let network: DetectorNetwork
    /// [K, E], the background first.
    let texts: Tensor

    init(_ recorded: FixtureCase) throws {
        let parameters = try recorded.parameters
        let path = recorded.path(try parameters["file"].string)
        let checkpoint = try FViTCheckpoint(contentsOf: path)
        let weights = try MMDetectionWeights(PyTorchArchive(contentsOf: path))
        let sizes = try parameters["trunk_sizes"]
        let tower = VisionTransformer.Configuration(
            .eva02,
            transformer: TransformerConfiguration(
                width: try sizes["width"].int, depth: try sizes["layers"].int, heads: try sizes["heads"].int,
                hiddenWidth: try weights.tensor(named: "visual.blocks.0.mlp.w1.weight").shape[0],
                activation: .silu, epsilon: 1e-6),
            patchSize: try sizes["patch"].int, imageSize: try sizes["image"].int,
            embeddingWidth: try parameters["dim"].int)
        let store = ParameterStore()
        let vision = try VisionTransformer(store.root, tower, format: .eva)
        try store.loadFrozen(
            weights,
            ignoring: { !$0.hasPrefix("visual.") || CLIPCheckpoint.isRotaryTable($0) })
        try store.moveToTestDevice()
        let clip = CLIPConfiguration(
            vision: .transformer(tower),
            text: TextTransformer.Configuration(
                transformer: TransformerConfiguration(width: 8, depth: 1, heads: 1, activation: .gelu),
                embeddingWidth: try parameters["dim"].int))
        var configuration = try checkpoint.configuration(for: clip)
        configuration.input.size = try parameters["size"].int
        configuration.trunk.pyramidBlocks = try parameters["out_indices"].ints.map { $0 + 1 }
        let rpn = try parameters["rpn"]
        configuration.network.proposalCandidates = [1000, try rpn["nms_pre"].int]
        configuration.network.proposalCount = [1000, try rpn["max_per_img"].int]
        configuration.scoring.limit = try parameters["max_per_img"].int
        #expect(try configuration.scoring.baseWeight == parameters["alpha"].double)
        #expect(try configuration.scoring.novelWeight == parameters["beta"].double)
        #expect(
            try abs(1 / configuration.scoring.vlmTemperature - parameters["vlm_temperature"].double) < 1e-9)
        #expect(try configuration.scoring.scoreThreshold == parameters["score_thr"].double)
        #expect(try configuration.scoring.suppressionThreshold == parameters["nms"].double)
        self.configuration = configuration
        network = try DetectorNetwork(configuration, for: clip)
        #expect(try network.architecture.anchors.strides == rpn["strides"].doubles)
        #expect(try network.architecture.boxPooler.strides == parameters["box_strides"].doubles)
        #expect(
            try network.architecture.boxPooler.canonicalSide == parameters["finest_scale"].double)
        try checkpoint.load(into: network)
        try network.store.moveToTestDevice()
        trunk = try FourBlockTrunk(vision, blocks: configuration.trunk.pyramidBlocks)
        #expect(try checkpoint.classNames == parameters["names"].strings)
        let vocabulary = try checkpoint.vocabulary(
            names: #require(checkpoint.classNames), isBase: Array(recorded.isBase().dropFirst()),
            clip: CLIPIdentity("0"))
        texts = try vocabulary.matrix(for: CLIPIdentity("0"), withBackground: true)
            .to(device: TestDevice.current)
    }
}
