import FVLM
import FixtureSupport
import Imaging
import Testing
import TorchFixtures

/// F-ViT's own code on mmdet and mmcv, over every recorded case. What a case is, is in the beginning of its name.
@Suite struct FViTParity {
    static let kinds: [(prefix: String, compare: @Sendable (FixtureCase) throws -> Void)] = [
        ("pyramid", pyramid), ("rpn", proposals), ("box-head", boxHead), ("mask-head", maskHead),
        ("preprocess", preprocessing), ("vlm-regions", regions), ("scoring", scoring),
        ("end-to-end", endToEnd),
    ]

    @Test(arguments: try Fixtures.names("fvit"))
    func `case`(_ name: String) throws {
        let kind = try #require(
            Self.kinds.first { name.hasPrefix($0.prefix) }, "no test reads the case fvit/\(name)")
        try kind.compare(Fixtures.case("fvit", name))
    }

    // MARK: Parts

    private static func pyramid(_ recorded: FixtureCase) throws {
        let parameters = try recorded.parameters
        let width = try recorded.shape("in.even.map0")[1]
        let store = ParameterStore()
        let adapter = try DeconvolutionAdapter(store.root / "adapter", width: width)
        let neck = try FeaturePyramid(
            store.root / "fpn",
            DetectorArchitecture.fvit(
                inputs: width, patchSize: 16, embeddingWidth: 8, width: parameters["fpn"].int,
                normalizesProposals: false
            ).pyramid)
        try store.load(recorded.mmdetection())
        try store.moveToTestDevice()
        for grid in ["even", "odd"] {
            let maps = try (0..<4).map { try recorded.deviceTensor("in.\(grid).map\($0)") }
            let adapted = try adapter(maps)
            for (level, map) in adapted.enumerated() {
                try recorded.expectEqual("out.\(grid).interpolated\(level)", map)
            }
            for (level, map) in try neck(adapted).enumerated() {
                try recorded.expectEqual("out.\(grid).p\(level)", map)
            }
        }
    }

    private static func proposals(_ recorded: FixtureCase) throws {
        let parameters = try recorded.parameters
        let settings = try parameters["rpn"]
        let maps = try (0..<5).map { try recorded.deviceTensor("in.p\($0)") }
        let strides = try settings["strides"].doubles
        let scale = try settings["scales"].doubles[0]
        let anchors = try AnchorGenerator(
            sizes: strides.map { [scale * $0] }, ratios: settings["ratios"].doubles, strides: strides)
        var configuration = RegionProposalNetwork.Configuration.fvit()
        configuration.evaluation = try .init(
            beforeSuppression: settings["nms_pre"].int, afterSuppression: settings["max_per_img"].int)
        configuration.suppression.threshold = try settings["nms"].double
        configuration.emptyBoxes = .sides(upTo: try settings["min_bbox_size"].double)
        let architecture = try DetectorArchitecture.fvit(
            inputs: 8, patchSize: 16, embeddingWidth: 8, width: maps[0].shape[1],
            normalizesProposals: settings["batch_norm"].bool)
        let store = ParameterStore()
        let network = try RegionProposalNetwork(
            store.root / "rpn_head", head: architecture.proposalHead, anchors: anchors, configuration)
        try store.load(recorded.mmdetection())
        try store.moveToTestDevice()
        let sizes = try parameters["shapes"].array.map { try $0.ints }.map { Size2D($0[0], $0[1]) }
        let found = try network(maps, sizes: sizes)
        for level in maps.indices {
            try recorded.expectEqual("out.logits\(level)", found.predictions.logits[level])
            try recorded.expectEqual("out.deltas\(level)", found.predictions.deltas[level])
        }
        let grids = maps.map { Size2D($0.shape[2], $0.shape[3]) }
        for (level, boxes) in try anchors(grids: grids).enumerated() {
            try recorded.expectEqual("out.anchors\(level)", boxes.tensor)
        }
        for image in sizes.indices {
            try recorded.expectEqual("out.proposals\(image)", found.boxes[image].tensor)
            try recorded.expectEqual("out.proposal_scores\(image)", found.logits[image].sigmoid())
        }
        let shape = try parameters["coder_shape"].ints
        let sources = try Boxes(recorded.torchTensor("in.coder.rois"))
        let deltas = try recorded.torchTensor("in.coder.deltas")
        for (name, coder) in [("unit", configuration.coder), ("box_head", architecture.regionCoder)] {
            let boxes = try coder.boxes(deltas, from: sources)
            try recorded.expectEqual("out.coder.\(name).free", boxes.tensor)
            try recorded.expectEqual(
                "out.coder.\(name).clipped", boxes.clipped(to: Size2D(shape[0], shape[1])).tensor)
        }
    }

    private static func boxHead(_ recorded: FixtureCase) throws {
        let parameters = try recorded.parameters
        let head = try RecordedBoxHead(recorded)
        let maps = try (0..<4).map { try recorded.deviceTensor("in.p\($0)") }
        let boxes = try recorded.regions("in.rois", images: 1)
        let pooler = try pooler(
            output: parameters["box_resolution"].int, strides: parameters["box_strides"].doubles,
            finestScale: parameters["finest_scale"].double)
        try recorded.expectEqual("out.levels", Tensor(pooler.levels(for: boxes[0])))
        let pooled = try pooler(maps, boxes: boxes)
        try recorded.expectEqual("out.pooled", pooled)
        let vectors = try head.box(pooled)
        try recorded.expectEqual("out.shared", vectors)
        let (deltas, features) = try head.predictor(vectors)
        try recorded.expectEqual("out.class_features", features)
        try recorded.expectEqual("out.deltas", deltas)
        try recorded.expectEqual("out.logits", backgroundLast(head.classifier(features, texts: head.texts)))
        let shape = try parameters["shape"].ints
        try recorded.expectEqual(
            "out.decoded",
            head.coder.boxes(deltas.to(device: .cpu), from: boxes[0]).clipped(to: Size2D(shape[0], shape[1]))
                .tensor)
    }

    private static func maskHead(_ recorded: FixtureCase) throws {
        let pooled = try recorded.deviceTensor("in.pooled")
        let store = ParameterStore()
        let head = try MaskHead(store.root / "mask_head", .fvit(channels: pooled.shape[1]))
        try store.load(recorded.mmdetection())
        try store.moveToTestDevice()
        let logits = try head(pooled)
        try recorded.expectEqual("out.logits", logits)
        let boxes = try Boxes(recorded.torchTensor("in.boxes"))
        let shape = try recorded.shape("out.masks")
        let paster = try MaskPaster(size: Size2D(shape[1], shape[2]))
        try recorded.expectEqual("out.pasted", paster.values(logits.sigmoid(), boxes: boxes))
        try recorded.expectEqual("out.masks", paster(logits.sigmoid(), boxes: boxes).to(.uint8))
    }

    private static func preprocessing(_ recorded: FixtureCase) throws {
        var configuration = try DetectorConfiguration(preset: "fvit-coco-b16")
        configuration.input.size = try recorded.parameters["size"].int
        for number in 0... where recorded.has("in.picture\(number)") {
            let picture = try recorded.picture("in.picture\(number)")
            let pixels = try configuration.preprocessor(picture)
            try recorded.expectEqual("out.image\(number)", pixels.tensor.unsqueezed(0))
            try recorded.expectEqual(
                "out.img_shape\(number)", Tensor([pixels.content.height, pixels.content.width]))
            let scales = [
                Float(pixels.content.width) / Float(picture.width),
                Float(pixels.content.height) / Float(picture.height),
            ]
            try recorded.expectEqual("out.scale_factor\(number)", Tensor(scales + scales))
            if !recorded.has("in.picture\(number + 1)") { break }
        }
    }

    private static func regions(_ recorded: FixtureCase) throws {
        let map = try recorded.deviceTensor("in.map")
        let stride = try recorded.parameters["vlm_stride"].double
        let boxes = try recorded.regions("in.rois", images: map.shape[0])
        let images = boxes.enumerated().flatMap {
            [Int64](repeating: Int64($0.offset), count: $0.element.count)
        }
        let regions = try Regions(
            boxes: .cat(boxes), images: images, levels: [Int64](repeating: 0, count: images.count))
        let pooled = try roiAlign(
            [PyramidLevel(map, scale: 1 / stride)], regions, output: 1, sampling: .aligned(ratio: 0)
        ).flattened(from: 1).to(device: .cpu)
        // The order of the file, which may mix the pictures.
        let order = try recorded.torchTensor("in.rois").selected(1, 0).argsorted(0, descending: false)
        try recorded.expectEqual(
            "out.regions", pooled.indexSelected(0, order.argsorted(0, descending: false)))
        try recorded.expectEqual(
            "out.regions_normed",
            pooled.indexSelected(0, order.argsorted(0, descending: false)).normalized())
    }

    // MARK: Scores

    private static func scoring(_ recorded: FixtureCase) throws {
        let parameters = try recorded.parameters
        let head = try RecordedBoxHead(recorded)
        let (deltas, features) = try head.predictor(head.box(recorded.deviceTensor("in.pooled")))
        try recorded.expectEqual("out.class_features", features)
        let sources = try recorded.regions("in.rois", images: 1)[0]
        let isBase = try recorded.isBase()
        let shape = try parameters["shape"].ints
        let boxes = try head.coder.boxes(deltas.to(device: .cpu), from: sources)
            .clipped(to: Size2D(shape[0], shape[1]))
        let vlm = try recorded.deviceTensor("in.vlm_regions")
        for (name, setting) in try parameters["settings"].object.sorted(by: { $0.key < $1.key }) {
            // The larger of LVIS's detectors has settings of its own.
            let isLarge = try parameters["configs"][name].string.contains("vitl14")
            let kind = try #require(ScoringOptions.FViT(rawValue: name))
            let options = try options(setting, kind: kind == .lvis && isLarge ? .lvisLarge : kind)
            let classifier =
                try options.detectorTemperature.map { try TextClassifier(fixedTemperature: $0) }
                ?? head.classifier
            let logits = try classifier(features, texts: head.texts)
            if options.detectorTemperature == nil {
                try recorded.expectEqual("out.logits", backgroundLast(logits))
            }
            let vlmLogits = try TextClassifier(fixedTemperature: options.vlmTemperature)(
                vlm, texts: head.texts)
            try recorded.expectEqual("out.\(name).vlm_logits", backgroundLast(vlmLogits))
            try recorded.expectEqual(
                "out.\(name).fused",
                backgroundLast(FusedScores(all: logits, vlmLogits, isBase: isBase, options).table()))
            let scores = try FusedScores(
                detectorLogits: logits, vlmLogits: vlmLogits, isBase: isBase,
                objectness: Tensor.zeros([sources.count]), options: options)
            let kept = try NonMaximumSuppression(threshold: options.suppressionThreshold).perClass(
                boxes, pairs: scores.pairs, candidates: options.candidatesPerClass, limit: options.limit)
            let factors = try parameters["scale_factor"].doubles
            let found = try boxes.selected(Tensor(kept.rows.map { Int64($0) }))
                .scaled(x: 1 / factors[0], y: 1 / factors[1])
            try recorded.expectEqual("out.\(name).boxes", found.tensor)
            try recorded.expectEqual("out.\(name).scores", Tensor(kept.scores))
            try recorded.expectEqual("out.\(name).labels", Tensor(kept.classes.map { Int64($0) - 1 }))
        }
    }

    /// The published options, which must be what the case says.
    private static func options(_ setting: JSONValue, kind: ScoringOptions.FViT) throws -> ScoringOptions {
        var options = ScoringOptions.fvit(kind)
        let beta = try setting.optional("beta")?.double ?? setting["alpha"].double
        #expect(try options.baseWeight == setting["alpha"].double)
        #expect(options.novelWeight == beta)
        #expect(options.backgroundWeight == options.baseWeight)
        #expect(try abs(1 / options.vlmTemperature - setting["vlm_temperature"].double) < 1e-9)
        #expect(try options.scoreThreshold == setting["score_thr"].double)
        #expect(try options.suppressionThreshold == setting["nms"].double)
        options.limit = try setting["max_per_img"].int
        return options
    }

    static func pooler(output: Int, strides: [Double], finestScale: Double) throws -> RegionPooler {
        var pooler = try RegionPooler(
            output: output, strides: strides, sampling: .aligned(ratio: 0), canonicalSide: finestScale,
            canonicalLevel: 2)
        pooler.levelEpsilon = 1e-6
        return pooler
    }

    /// Columns in the order of the recorded tables.
    static func backgroundLast(_ table: Tensor) throws -> Tensor { try table.rolled([-1], dimensions: [1]) }
}

/// The box head of a case with recorded weights.
struct RecordedBoxHead {
    let box: BoxHead
    let predictor: RegionPredictor
    let classifier: TextClassifier
    /// [K, E], the background first.
    let texts: Tensor
    var coder: BoxCoder {
        var coder = BoxCoder.boxHead()
        coder.clampsBothWays = true
        return coder
    }

    init(_ recorded: FixtureCase) throws {
        let prefix = "in.weight.roi_head.bbox_head."
        let store = ParameterStore()
        let width = try recorded.shape(prefix + "shared_fcs.0.weight")[0]
        let embeddings = try recorded.deviceTensor(prefix + "all_embeddings")
        box = try BoxHead(
            store.root / "box_head",
            .fvit(channels: recorded.shape(prefix + "shared_convs.0.conv.weight")[1], width: width))
        predictor = try RegionPredictor(
            store.root, width: width, embeddingWidth: embeddings.shape[0], design: .layers)
        try store.load(recorded.mmdetection(), ignoring: { $0 == "temperature" || $0 == "embeddings" })
        try store.moveToTestDevice()
        let factor = try recorded.torchTensor(prefix + "detect_temperature").item()
        classifier = try TextClassifier(fixedTemperature: 1 / factor)
        texts = try embeddings.transposed(0, 1).rolled([1], dimensions: [0])
    }
}

extension FixtureCase {
    /// The recorded weights of a part under this project's names.
    func mmdetection() throws -> MMDetectionWeights {
        try MMDetectionWeights(RecordedWeights(fixture: self, prefix: "in.weight."))
    }

    /// Boxes of each picture from rows of a picture's number and four corners.
    func regions(_ key: String, images: Int) throws -> [Boxes] {
        let rows = try torchTensor(key)
        let numbers = try rows.selected(1, 0).array(of: Float.self).map { Int($0) }
        return try (0..<images).map { image in
            let own = numbers.indices.filter { numbers[$0] == image }
            return try Boxes(rows.indexSelected(0, Tensor(own)).narrowed(1, start: 1, length: 4))
        }
    }

    /// Which rows of the texts were seen in training, the background's first.
    func isBase() throws -> [Bool] {
        let unseen = Set(try parameters["unseen"].ints)
        return try [true] + parameters["names"].array.indices.map { !unseen.contains($0) }
    }

    /// A recorded picture [H, W, 3].
    func picture(_ key: String) throws -> Image {
        let shape = try shape(key)
        return try Image(width: shape[1], height: shape[0], pixels: bytes(key))
    }
}
