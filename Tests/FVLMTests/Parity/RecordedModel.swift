import FVLM
import FixtureSupport
import Foundation
import Testing
import TorchFixtures

/// A model of the group `fvlm`, built as its case says, with the recorded weights.
struct RecordedModel {
    let fixture: FixtureCase
    let clip: CLIPModel
    let clipFolder: String
    let trunk: any Trunk
    let network: DetectorNetwork

    var isResNet: Bool {
        if case .resNet = clip.vision { true } else { false }
    }

    init(_ fixture: FixtureCase) throws {
        self.fixture = fixture
        let parameters = try fixture.parameters
        clipFolder = fixture.folder.appending(path: try parameters["clip"].string).standardizedFileURL.path
        let isFolderOfTransformers = try parameters["kind"].string == "vit"
        clip = try CLIPModel.load(
            isFolderOfTransformers ? clipFolder : clipFolder + "/model.safetensors",
            options: CLIPModel.LoadingOptions(
                device: TestDevice.current, activation: isFolderOfTransformers ? nil : .quickGELU))
        switch (try parameters["kind"].string, clip.vision) {
        case ("rn", .resNet(let tower, let pool)):
            trunk = ResNetTrunk(
                tower, pool, sampling: .aligned(ratio: try parameters["vlm_sampling_ratio"].int))
        case ("vit", .transformer(let tower)):
            trunk = try TransformerTrunk(tower, block: parameters["feature_block"].int)
        case (let kind, _): throw FixtureError("a model of the kind '\(kind)' is not known")
        }
        network = try DetectorNetwork(Self.architecture(parameters))
        try network.store.load(RecordedWeights(fixture: fixture, prefix: "in.weight."))
        try network.store.moveToTestDevice()
    }

    private static func architecture(_ parameters: JSONValue) throws -> DetectorArchitecture {
        let channels = try parameters["channels"].ints
        let box = try parameters["box"]
        let mask = try parameters["mask"]
        let strides = Array(try parameters["strides"].doubles.dropLast())
        let isTransformer = try parameters["kind"].string == "vit"
        let adapter: DetectorArchitecture.Adapter =
            isTransformer
            ? .bilinear(
                inputs: try parameters["clip_params"]["width"].int, outputs: try parameters["adapter"].ints,
                scales: try parameters["upsample"].ints) : .none
        guard try box["convs"].array.isEmpty, try box["norm"].string.isEmpty else {
            throw FixtureError("a box head with convolutions is not known here")
        }
        var architecture = try DetectorArchitecture.detectron2(
            adapter: adapter, channels: channels, strides: strides, embeddingWidth: parameters["embed"].int,
            width: parameters["width"].int, hidden: box["fcs"].ints,
            anchorSizes: parameters["anchor_sizes"].doubles)
        architecture.anchors.ratios = try parameters["ratios"].doubles
        architecture.anchors.offset = try parameters["offset"].double
        let sampling = RegionSampling.aligned(ratio: try parameters["pooler_sampling_ratio"].int)
        func pooler(_ part: JSONValue) throws -> RegionPooler {
            try RegionPooler(
                output: part["resolution"].int, strides: strides, sampling: sampling,
                canonicalSide: parameters["canonical_box_size"].double,
                canonicalLevel: parameters["canonical_level"].int)
        }
        #expect(try parameters["pooler_aligned"].bool)
        architecture.boxPooler = try pooler(box)
        architecture.maskPooler = try pooler(mask)
        architecture.boxHead.channels = try box["channels"].int
        architecture.boxHead.resolution = try box["resolution"].int
        // The last of the listed widths is the transposed convolution's.
        let widths = try mask["convs"].ints
        architecture.maskHead = MaskHead.Configuration(
            channels: try mask["channels"].int, convolutions: Array(widths.dropLast()),
            width: widths[widths.count - 1])
        architecture.temperatureScale = try parameters["tau"].double
        architecture.regionCoder = try BoxCoder(
            weights: parameters["box_weights"].doubles, scaleClamp: parameters["scale_clamp"].double)
        let counts = RegionProposalNetwork.Counts(
            beforeSuppression: try parameters["pre_nms_topk"].int,
            afterSuppression: try parameters["post_nms_topk"].int)
        architecture.proposals.training = counts
        architecture.proposals.evaluation = counts
        architecture.proposals.suppression = try NonMaximumSuppression(
            threshold: parameters["nms_threshold"].double)
        architecture.proposals.emptyBoxes = .sides(upTo: try parameters["min_box_size"].double)
        architecture.proposals.coder = try BoxCoder(
            weights: parameters["rpn_box_weights"].doubles, scaleClamp: parameters["scale_clamp"].double)
        architecture.proposals.matcher = try Matcher(
            thresholds: parameters["rpn_matcher"].doubles, labels: [0, -1, 1], allowsLowQualityMatches: true)
        if let count = try parameters.optional("batch_size_per_image")?.int {
            let sampler = try BalancedSampler(
                count: count, positiveFraction: parameters["positive_fraction"].double)
            architecture.proposals.sampler = sampler
            // No fraction: every region takes part.
            architecture.regionSampler = RegionSampler(
                matcher: try Matcher(
                    thresholds: [parameters["region_matcher"].double], labels: [0, 1],
                    allowsLowQualityMatches: false),
                sampler: try BalancedSampler(count: count, positiveFraction: 1))
        }
        architecture.classificationLoss = .softmax(
            backgroundWeight: try parameters["background_weight"].double)
        return architecture
    }

    func options() throws -> ScoringOptions {
        let parameters = try fixture.parameters
        var options = ScoringOptions()
        options.vlmTemperature = try parameters["vlm_tau"].double
        options.baseWeight = try parameters["alpha"].double
        options.novelWeight = try parameters["beta"].double
        options.scoreThreshold = try parameters["score_threshold"].double
        options.suppressionThreshold = try parameters["final_nms_threshold"].double
        options.candidatesPerClass = .max
        options.limit = try parameters["topk"].int
        options.maskThreshold = try parameters["mask_threshold"].double
        return options
    }
}
