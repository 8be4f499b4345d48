import RegionDetection
import FixtureSupport
import Testing
import TorchFixtures

/// The stages of a recorded complete model that are of detection alone, each from the recorded input of that stage.
@Suite struct FVLMParityOfHeads {
    /// Cases of complete models; others of the group are of later stages.
    static func names() throws -> [String] {
        try Fixtures.names("fvlm").filter { $0.hasPrefix("end-to-end") }
    }

    private struct Model {
        let store = ParameterStore()
        let proposals: RegionProposalNetwork
        let pooler: RegionPooler
        let maskPooler: RegionPooler
        let boxHead: BoxHead
        let predictor: RegionPredictor
        let maskHead: MaskHead
        let classifier: TextClassifier
        let coder: BoxCoder

        init(_ parameters: JSONValue) throws {
            let strides = try parameters["strides"].doubles
            let counts = RegionProposalNetwork.Counts(
                beforeSuppression: try parameters["pre_nms_topk"].int,
                afterSuppression: try parameters["post_nms_topk"].int)
            var configuration = RegionProposalNetwork.Configuration.detectron2()
            configuration.training = counts
            configuration.evaluation = counts
            configuration.suppression.threshold = try parameters["nms_threshold"].double
            configuration.emptyBoxes = .sides(upTo: try parameters["min_box_size"].double)
            configuration.coder = try BoxCoder(
                weights: parameters["rpn_box_weights"].doubles, scaleClamp: parameters["scale_clamp"].double)
            let anchors = try AnchorGenerator(
                sizes: parameters["anchor_sizes"].doubles.map { [$0] }, ratios: parameters["ratios"].doubles,
                strides: strides, offset: parameters["offset"].double)
            let root = store.root
            proposals = try RegionProposalNetwork(
                root / "rpn_head",
                head: .init(width: parameters["width"].int, anchorsPerCell: anchors.anchorsPerCell),
                anchors: anchors, configuration)
            func pooler(_ output: Int) throws -> RegionPooler {
                let ratio = try parameters["pooler_sampling_ratio"].int
                return try RegionPooler(
                    output: output, strides: Array(strides.dropLast()),
                    sampling: parameters["pooler_aligned"].bool
                        ? .aligned(ratio: ratio) : .legacy(ratio: ratio),
                    canonicalSide: parameters["canonical_box_size"].double,
                    canonicalLevel: parameters["canonical_level"].int)
            }
            let (box, mask) = try (parameters["box"], parameters["mask"])
            self.pooler = try pooler(box["resolution"].int)
            maskPooler = try pooler(mask["resolution"].int)
            boxHead = try BoxHead(
                root / "box_head",
                .init(
                    channels: box["channels"].int, resolution: box["resolution"].int,
                    convolutions: box["convs"].ints, fullyConnected: box["fcs"].ints,
                    normalization: box["norm"].string == "BN" ? .batch() : .none))
            predictor = try RegionPredictor(
                root, width: boxHead.configuration.outputWidth, embeddingWidth: parameters["embed"].int)
            let widths = try mask["convs"].ints
            maskHead = try MaskHead(
                root / "mask_head",
                .init(
                    channels: mask["channels"].int, convolutions: Array(widths.dropLast()),
                    width: widths.last ?? 0))
            classifier = try TextClassifier(root, temperatureScale: parameters["tau"].double)
            coder = try BoxCoder(
                weights: parameters["box_weights"].doubles, scaleClamp: parameters["scale_clamp"].double)
        }
    }

    @Test(arguments: try names()) func stages(_ name: String) throws {
        let fixture = try Fixtures.case("fvlm", name)
        let parameters = try fixture.parameters
        let model = try Model(parameters)
        // The pyramid and what comes before it are loaded by other tests.
        let weights = RecordedWeights(fixture: fixture, prefix: "in.weight.")
        try model.store.load(weights, ignoring: { $0.hasPrefix("fpn.") || $0.hasPrefix("adapter.") })
        try model.store.moveToTestDevice()
        let image = try parameters["image"].ints
        let size = Size2D(image[0], image[1])
        let maps = try fixture.levels("out.")

        let proposals = try model.proposals(maps, sizes: [size])
        for (level, name) in fixture.levelNames("out.rpn_logits.").enumerated() {
            try fixture.expectEqual("out.rpn_logits.\(name)", proposals.predictions.logits[level])
        }
        try fixture.expectEqual("out.proposals", proposals.boxes[0].tensor)
        try fixture.expectEqual("out.proposal_logits", proposals.logits[0])

        let boxes = try fixture.boxes("out.proposals")
        let pyramid = Array(maps.dropLast())
        let pooled = try model.pooler(pyramid, boxes: [boxes], format: model.boxHead.format)
        let vectors = try model.boxHead(pooled)
        try fixture.expectEqual("out.box_features", vectors)
        let (deltas, embeddings) = try model.predictor(vectors)
        try fixture.expectEqual("out.deltas", deltas)
        try fixture.expectEqual("out.embeddings", embeddings)
        try fixture.expectEqual(
            "out.detector_logits",
            model.classifier(
                fixture.deviceTensor("out.embeddings"), texts: fixture.deviceTensor("in.text")))

        let decoded = try model.coder.boxes(fixture.torchTensor("out.deltas"), from: boxes)
        try fixture.expectEqual("out.decoded", decoded.tensor)
        let clipped = try fixture.boxes("out.decoded").clipped(to: size)
        let fused = try fixture.torchTensor("out.fused")
        // Row 0 is the background; classes count from 1.
        let found = try NonMaximumSuppression(threshold: parameters["final_nms_threshold"].double).perClass(
            clipped, scores: fused.narrowed(1, start: 1, length: fused.shape[1] - 1),
            scoreThreshold: parameters["score_threshold"].double, limit: parameters["topk"].int)
        try fixture.expectEqual("out.rows", Tensor(found.rows))
        try fixture.expectEqual("out.classes", Tensor(found.classes.map { $0 + 1 }))
        try fixture.expectEqual("out.scores", Tensor(found.scores))
        try fixture.expectEqual("out.boxes", clipped.selected(Tensor(found.rows)).tensor)

        let detected = try fixture.boxes("out.boxes")
        let masks = try model.maskHead(model.maskPooler(pyramid, boxes: [detected])).sigmoid().squeezed(1)
        try fixture.expectEqual("out.masks", masks)
        let paster = try MaskPaster(size: size, threshold: parameters["mask_threshold"].double)
        try fixture.expectEqual("out.pasted", paster(fixture.torchTensor("out.masks"), boxes: detected))
    }

    /// The pyramid, where the map that it starts from is recorded: the tokens of a vision transformer.
    @Test(arguments: try names()) func pyramid(_ name: String) throws {
        let fixture = try Fixtures.case("fvlm", name)
        let parameters = try fixture.parameters
        let store = ParameterStore()
        let channels = try parameters["channels"].ints
        let pyramid = try FeaturePyramid(
            store.root / "fpn", .init(inputs: channels, width: parameters["width"].int))
        let scales = try parameters.optional("upsample")?.ints
        let adapter = try scales.map { scales in
            try BilinearAdapter(
                store.root / "adapter", inputs: fixture.shape("in.weight.adapter.res2.weight")[1],
                outputs: channels, scales: scales)
        }
        let weights = RecordedWeights(fixture: fixture, prefix: "in.weight.")
        let others = ["temperature", "rpn_head.", "box_head.", "bbox_pred.", "projection.", "mask_head."]
        try store.load(weights, ignoring: { key in others.contains { key.hasPrefix($0) } })
        try store.moveToTestDevice()
        guard let adapter else { return #expect(store.parameters.allSatisfy { $0.hasValue }) }
        let features = try adapter(fixture.deviceTensor("out.grid"))
        for (level, map) in features.enumerated() where fixture.has("out.res\(level + 2)") {
            try fixture.expectEqual("out.res\(level + 2)", map)
        }
        for (name, map) in zip(fixture.levelNames("out."), try pyramid(features)) {
            try fixture.expectEqual("out.\(name)", map)
        }
    }
}
