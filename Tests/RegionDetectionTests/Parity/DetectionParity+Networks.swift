import RegionDetection
import FixtureSupport
import Testing
import TorchFixtures

extension DetectionParity {
    @Sendable static func pyramid(_ fixture: FixtureCase) throws {
        let parameters = try fixture.parameters
        let store = ParameterStore()
        let pyramid = try FeaturePyramid(
            store.root,
            .init(inputs: parameters["channels"].ints, width: parameters["width"].int, lastLevel: .maxPool))
        try fixture.load(store)
        let features = try pyramid.configuration.inputs.indices.map {
            try fixture.deviceTensor("in.res\($0 + 2)")
        }
        let outputs = try pyramid(features)
        let names = fixture.levelNames("out.")
        #expect(outputs.count == names.count)
        for (name, output) in zip(names, outputs) { try fixture.expectEqual("out.\(name)", output) }
    }

    private static func network(_ parameters: JSONValue, _ store: ParameterStore) throws
        -> RegionProposalNetwork
    {
        let counts = RegionProposalNetwork.Counts(
            beforeSuppression: try parameters["pre_nms_topk"].int,
            afterSuppression: try parameters["post_nms_topk"].int)
        let configuration = RegionProposalNetwork.Configuration(
            training: counts, evaluation: counts,
            suppression: try NonMaximumSuppression(threshold: parameters["nms_threshold"].double),
            emptyBoxes: .sides(upTo: try parameters["min_box_size"].double), border: .edge,
            coder: try BoxCoder(
                weights: parameters["box_weights"].doubles, scaleClamp: parameters["scale_clamp"].double),
            matcher: try Matcher(
                thresholds: parameters["matcher"].doubles, labels: [0, -1, 1],
                allowsLowQualityMatches: parameters["low_quality_matches"].bool),
            sampler: try BalancedSampler(
                count: parameters["batch_size_per_image"].int,
                positiveFraction: parameters["positive_fraction"].double),
            boxLoss: .l1, boxNormalizer: .sampledAnchors)
        let anchors = try AnchorGenerator(
            sizes: parameters["anchor_sizes"].doubles.map { [$0] }, ratios: parameters["ratios"].doubles,
            strides: parameters["strides"].doubles, offset: parameters["offset"].double)
        return try RegionProposalNetwork(
            store.root, head: .init(width: parameters["width"].int, anchorsPerCell: anchors.anchorsPerCell),
            anchors: anchors, configuration)
    }

    @Sendable static func proposalNetwork(_ fixture: FixtureCase) throws {
        let parameters = try fixture.parameters
        let sizes = try parameters["image_sizes"].array.map { Size2D(try $0.ints[0], try $0.ints[1]) }
        let store = ParameterStore()
        let network = try network(parameters, store)
        try fixture.load(store)
        let names = fixture.levelNames("in.")
        let features = try fixture.levels("in.").map { try $0.requiringGrad() }
        let found = try network(features, sizes: sizes)
        let predictions = found.predictions
        for (level, name) in names.enumerated() {
            try fixture.expectEqual("out.logits.\(name)", predictions.logits[level])
            try fixture.expectEqual("out.deltas.\(name)", predictions.deltas[level])
        }
        for image in sizes.indices {
            try fixture.expectEqual("out.proposals\(image).boxes", found.boxes[image].tensor)
            try fixture.expectEqual("out.proposals\(image).logits", found.logits[image])
        }
        let targets = try network.targets(
            grids: predictions.logits.map { Size2D($0.shape[2], $0.shape[3]) },
            groundTruth: sizes.indices.map { try fixture.boxes("in.gt\($0)") }, generator: Generator(seed: 0))
        try fixture.expectEqual("out.labels", targets.labels)
        let losses = try network.losses(predictions, targets)
        try fixture.expectEqual("out.loss_rpn_cls", losses.objectness)
        try fixture.expectEqual("out.loss_rpn_loc", losses.boxes)
        try (losses.objectness + losses.boxes).backward()
        for parameter in store.parameters {
            try fixture.expectEqual("out.grad.\(parameter.name)", #require(parameter.grad))
        }
        for (name, map) in zip(names, features) where fixture.has("out.grad.\(name)") {
            try fixture.expectEqual("out.grad.\(name)", #require(map.grad))
        }
    }

    @Sendable static func boxHead(_ fixture: FixtureCase) throws {
        let parameters = try fixture.parameters
        let norms: [String: Normalization] = ["": .none, "BN": .batch()]
        let store = ParameterStore()
        let head = try BoxHead(
            store.root,
            .init(
                channels: parameters["channels"].int, resolution: parameters["resolution"].int,
                convolutions: parameters["convs"].ints, fullyConnected: parameters["fcs"].ints,
                normalization: #require(norms[parameters["norm"].string])))
        try fixture.load(store)
        try fixture.expectEqual("out.output", head(fixture.deviceTensor("in.input")))
    }

    @Sendable static func maskHead(_ fixture: FixtureCase) throws {
        let parameters = try fixture.parameters
        // The last number is the transposed convolution's.
        let widths = try parameters["convs"].ints
        let store = ParameterStore()
        let head = try MaskHead(
            store.root,
            .init(
                channels: parameters["channels"].int, convolutions: Array(widths.dropLast()),
                width: #require(widths.last)))
        try fixture.load(store)
        let logits = try head(fixture.deviceTensor("in.input"))
        try fixture.expectEqual("out.logits", logits)
        try fixture.expectEqual("out.probabilities", logits.sigmoid())
    }
}
