import RegionDetection
import FixtureSupport
import Testing
import TorchFixtures

extension PublishedParity {
    @Sendable static func heads(_ fixture: FixtureCase) throws {
        let parameters = try fixture.parameters
        let width = try parameters["filters"].int
        let levels = try parameters["levels"].ints
        let store = ParameterStore()
        let pyramid = try FeaturePyramid(
            store.root / "fpn", .published(inputs: parameters["channels"].ints, width: width))
        let proposals = try RegionProposalHead(
            store.root / "rpn_head", .published(width: width, levels: levels))
        let boxHead = try BoxHead(
            store.root / "box_head", .published(channels: width, width: parameters["fc"].int))
        let predictor = try RegionPredictor(
            store.root, width: boxHead.configuration.outputWidth, embeddingWidth: parameters["embed"].int)
        let maskHead = try MaskHead(store.root / "mask_head", .published(channels: width))
        try fixture.load(store)

        let features = try parameters["channels"].ints.indices.map {
            try fixture.deviceTensor("in.c\($0 + 2)")
        }
        let maps = try pyramid(features)
        #expect(maps.count == levels.count)
        for (level, map) in zip(levels, maps) { try fixture.expectEqual("out.p\(level)", map) }
        let predictions = try proposals(maps)
        for (place, level) in levels.enumerated() {
            try fixture.expectEqual("out.rpn_logits.p\(level)", predictions.logits[place])
            // The recorded weights of box outputs are in the published order of coordinates, hence the outputs too.
            try fixture.expectEqual("out.rpn_deltas.p\(level)", predictions.deltas[place])
        }
        let regions = try fixture.deviceTensor("in.box_rois")
        let (batch, count) = (regions.shape[0], regions.shape[1])
        let (deltas, embeddings) = try predictor(boxHead(regions.flattened(from: 0, to: 1)))
        try fixture.expectEqual("out.embeddings", embeddings.reshaped([batch, count, -1]))
        try fixture.expectEqual("out.deltas", deltas.reshaped([batch, count, 4]))
        let masks = try maskHead(fixture.deviceTensor("in.mask_rois").flattened(from: 0, to: 1)).squeezed(1)
        try fixture.expectEqual("out.mask_logits", masks.reshaped([batch, count] + masks.shape.dropFirst()))
    }

    @Sendable static func losses(_ fixture: FixtureCase) throws {
        let parameters = try fixture.parameters
        let batch = try parameters["batch"].int
        func input(_ key: String) throws -> Tensor { try fixture.deviceTensor(key).requiringGrad() }

        let names = fixture.levelNames("in.rpn_logits.")
        let logits = try names.map { try input("in.rpn_logits.\($0)") }
        let labels = try fixture.levels("in.rpn_labels.")
        let sampled = Double(try parameters["rpn_batch_size_per_im"].int * batch)
        let objectness = try zip(logits, labels).map {
            try objectnessLoss($0, labels: $1, normalizer: sampled)
        }.reduce(Tensor(scalar: Float(0))) { try $0 + $1 }
        try fixture.expectEqual("out.loss_rpn_score", objectness)

        let huber = BoxLoss.huber(delta: try parameters["rpn_delta"].double)
        let maps = try names.map { try input("in.rpn_deltas.\($0)") }
        let proposals = try zip(maps, fixture.levels("in.rpn_targets.")).map {
            try huber.meanOfNonZeroTargets($0, $1)
        }.reduce(Tensor(scalar: Float(0))) { try $0 + $1 }
        try fixture.expectEqual("out.loss_rpn_box", proposals)

        let store = ParameterStore()
        let classifier = try TextClassifier(
            store.root, temperatureScale: parameters["temperature_scale"].double)
        try #require(store["temperature"]).set(fixture.deviceTensor("in.temperature").reshaped([]))
        let embeddings = try input("in.embeddings")
        let classLogits = try classifier(embeddings, texts: fixture.deviceTensor("in.text"))
        try fixture.expectEqual("out.class_logits", classLogits)
        let classes = try fixture.torchTensor("in.classes").flattened()
        // A leaf of its own, as the recorded gradient is that with respect to the logits.
        let leaf = try classLogits.detached().requiringGrad()
        let classLoss = try ClassificationLoss.softmax(
            backgroundWeight: parameters["background_weight"].double)(
                leaf.flattened(from: 0, to: 1), classes: classes)
        try fixture.expectEqual("out.loss_class", classLoss)

        let deltas = try input("in.deltas")
        let boxLoss = try regionBoxLoss(
            deltas.reshaped([-1, 4]), targets: fixture.torchTensor("in.targets").reshaped([-1, 4]),
            classes: classes, sources: Boxes(Tensor.zeros([classes.count, 4])), coder: BoxCoder(),
            loss: .huber(delta: parameters["box_delta"].double), normalizer: .foregroundCoordinates)
        try fixture.expectEqual("out.loss_box", boxLoss)

        let masks = try input("in.mask_logits")
        let maskLoss = try RegionDetection.maskLoss(
            masks.flattened(from: 0, to: 1),
            targets: fixture.torchTensor("in.mask_targets").flattened(from: 0, to: 1),
            classes: fixture.torchTensor("in.mask_classes").flattened())
        try fixture.expectEqual("out.loss_mask", maskLoss)

        let total = try objectness + proposals + classLoss + boxLoss + maskLoss
        try fixture.expectEqual("out.total", total)
        try total.backward()
        for (place, name) in names.enumerated() {
            try fixture.expectEqual("out.grad.rpn_logits.\(name)", #require(logits[place].grad))
            try fixture.expectEqual("out.grad.rpn_deltas.\(name)", #require(maps[place].grad))
        }
        try fixture.expectEqual("out.grad.deltas", #require(deltas.grad))
        try fixture.expectEqual("out.grad.mask_logits", #require(masks.grad))
        let gradient = try #require(leaf.grad)
        try fixture.expectEqual("out.grad.class_logits", gradient)
        try classLogits.backward(gradient)
        try fixture.expectEqual("out.grad.embeddings", #require(embeddings.grad))
        try fixture.expectEqual("out.grad.temperature", #require(store["temperature"]?.grad).reshaped([1]))
    }
}
