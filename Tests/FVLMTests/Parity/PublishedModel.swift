import FixtureSupport
import FVLM
import Testing
import TorchFixtures

/// A model of the group `published`, built as its case says, with the recorded weights.
struct PublishedModel {
    let fixture: FixtureCase
    let trunk: ResNetTrunk
    let scorer: AttentionPoolScorer
    let network: DetectorNetwork

    /// The whole model.
    init(_ fixture: FixtureCase) throws {
        self.fixture = fixture
        let parameters = try fixture.parameters
        let channels = try parameters["channels"].ints
        let levels = try parameters["levels"].ints
        #expect(levels == Array(2...6), "the published pyramid has the levels 2 to 6")
        let width = try parameters["filters"].int
        var architecture = try DetectorArchitecture.published(
            channels: channels, embeddingWidth: parameters["embed"].int, width: width,
            hidden: parameters["fc"].int)
        let epsilon = try parameters["heads_bn_eps"].double
        #expect(Normalization.published == .batch(epsilon: epsilon, momentum: 0.003))
        let size = try parameters["anchor_size"].double
        architecture.anchors.sizes = architecture.anchors.strides.map { [size * $0] }
        // Recorded as width by height.
        architecture.anchors.ratios = try parameters["ratios"].doubles.map { 1 / $0 }
        architecture.boxPooler.output = try parameters["box_resolution"].int
        architecture.boxHead.resolution = try parameters["box_resolution"].int
        architecture.maskPooler.output = try parameters["mask_resolution"].int
        architecture.temperatureScale = try parameters["temperature_scale"].double
        architecture.regionCoder.weights = try parameters["box_weights"].doubles
        architecture.proposals.evaluation = RegionProposalNetwork.Counts(
            beforeSuppression: try parameters["pre_nms"].int, afterSuppression: try parameters["post_nms"].int
        )
        architecture.proposals.suppression = try NonMaximumSuppression(
            threshold: parameters["rpn_nms_threshold"].double, includesThreshold: true)
        network = try DetectorNetwork(architecture)
        // The published temperature has one dimension of size 1.
        let weights = RecordedWeights(fixture: fixture, prefix: "in.weight.") {
            !$0.hasPrefix("visual.") && $0 != "temperature"
        }
        try network.store.load(weights, keeping: { $0 == "temperature" })
        try #require(network.store["temperature"]).set(
            fixture.torchTensor("in.weight.temperature").reshaped([]))
        // The published code has y before x.
        for name in ["rpn_head.anchor_deltas", "bbox_pred"] {
            for part in ["weight", "bias"] {
                let parameter = try #require(network.store["\(name).\(part)"])
                try parameter.set(yxFirst(parameter.value, dimension: 0))
            }
        }
        try network.store.moveToTestDevice()
        let (tower, pool) = try Self.tower(
            fixture, blocks: parameters["layers"].ints, width: parameters["width"].int)
        trunk = ResNetTrunk(tower, pool)
        scorer = AttentionPoolScorer(tower: tower, pool: pool)
    }

    /// The attention pool alone, and a classifier with the recorded temperature.
    init(scoring fixture: FixtureCase) throws {
        self.fixture = fixture
        let parameters = try fixture.parameters
        var architecture = try DetectorArchitecture.published(
            channels: [1, 1, 1, 1], embeddingWidth: parameters["embed"].int, width: 4, hidden: 4)
        architecture.temperatureScale = try parameters["temperature_scale"].double
        network = try DetectorNetwork(architecture)
        try #require(network.store["temperature"]).set(fixture.deviceTensor("in.temperature").reshaped([]))
        let store = ParameterStore()
        let pool = try AttentionPool(
            store.root / "visual" / "attnpool", channels: parameters["channels"].int,
            gridSize: parameters["grid"].int, heads: parameters["heads"].int,
            embeddingWidth: parameters["embed"].int)
        try store.load(RecordedWeights(fixture: fixture, prefix: "in.weight."))
        try store.moveToTestDevice()
        // Only the pool was recorded; the trunk before it is never asked.
        let tower = try ModifiedResNet(
            ParameterStore().root,
            ModifiedResNet.Configuration(
                blocks: [1, 1, 1, 1], width: 2, imageSize: 32, embeddingWidth: parameters["embed"].int))
        trunk = ResNetTrunk(tower, pool)
        scorer = AttentionPoolScorer(tower: tower, pool: pool)
    }

    private static func tower(_ fixture: FixtureCase, blocks: [Int], width: Int) throws -> (
        ModifiedResNet, AttentionPool
    ) {
        let parameters = try fixture.parameters
        let configuration = ModifiedResNet.Configuration(
            blocks: blocks, width: width, imageSize: try parameters["grid"].int * 32,
            heads: try parameters["heads"].int, embeddingWidth: try parameters["embed"].int,
            epsilon: try parameters.optional("trunk_bn_eps")?.double ?? 1e-5)
        let store = ParameterStore()
        let scope = store.root / "visual"
        let tower = try ModifiedResNet(scope, configuration)
        let pool = try AttentionPool(scope / "attnpool", configuration)
        let weights = RecordedWeights(fixture: fixture, prefix: "in.weight.") { $0.hasPrefix("visual.") }
        try store.load(weights)
        try store.moveToTestDevice()
        try store.freeze()
        return (tower, pool)
    }

    func options() throws -> ScoringOptions {
        let parameters = try fixture.parameters
        var options = ScoringOptions()
        options.vlmTemperature = try parameters["clip_sim_temp"].double
        options.baseWeight = try parameters["base_vlm_weight"].double
        options.novelWeight = try parameters["novel_vlm_weight"].double
        options.scoreThreshold = try parameters["score_threshold"].double
        options.suppressionThreshold = try parameters["nms_threshold"].double
        options.candidatesPerClass = try parameters["pre_nms_detections"].int
        options.limit = try parameters["max_detections"].int
        return options
    }
}
