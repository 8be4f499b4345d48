import FixtureSupport
import FVLM
import Testing
import TorchFixtures

/// Values recorded from small complete models of both families (transformers, open_clip, detectron2).
@Suite struct FVLMParity {
    private static let kinds: [String: @Sendable (FixtureCase) throws -> Void] = [
        "end-to-end-rn": endToEnd, "end-to-end-vit": endToEnd, "fusion": fusion, "train-step": trainStep,
    ]

    @Test(arguments: try Fixtures.names("fvlm")) func recorded(_ name: String) throws {
        guard let kind = Self.kinds[name] else {
            throw FixtureError("no test understands fvlm/\(name)")
        }
        try kind(Fixtures.case("fvlm", name))
    }

    // MARK: Fusion

    private static func fusion(_ fixture: FixtureCase) throws {
        let flags = try fixture.integers("in.base").map { $0 != 0 }
        let manyFlags = try fixture.integers("in.big_base").map { $0 != 0 }
        let (p, v) = (try fixture.torchTensor("in.p"), try fixture.torchTensor("in.v"))
        let detector = try fixture.torchTensor("in.det_logits")
        let vlm = try fixture.torchTensor("in.vlm_logits")
        var seen: Set<String> = []
        for (name, weights) in try fixture.parameters["settings"].object {
            let weights = try weights.doubles
            let fusion = ReferenceFusion(baseWeight: weights[0], novelWeight: weights[1])
            try fixture.expectEqual(
                "out.fused.\(name)",
                fusion(detectorProbabilities: p, vlmProbabilities: v, isBase: flags))
            try fixture.expectEqual(
                "out.fused_logits.\(name)",
                fusion(detectorLogits: detector, vlmLogits: vlm, isBase: manyFlags))
            try fixture.expectEqual(
                "out.fused_logits.\(name)",
                FusedScores(all: detector, vlm, isBase: manyFlags, fusion.options).table())
            seen.formUnion(["out.fused.\(name)", "out.fused_logits.\(name)"])
        }
        // Without base flags every class has the novel weight, that of the setting for LVIS.
        let lvis = try fixture.parameters["settings"]["lvis"].doubles
        try fixture.expectEqual(
            "out.fused.all_novel",
            ReferenceFusion(baseWeight: lvis[0], novelWeight: lvis[1])(
                detectorProbabilities: p, vlmProbabilities: v, isBase: nil))
        seen.insert("out.fused.all_novel")
        #expect(seen == Set(fixture.keys(startingWith: "out.")))

        let worked = try fixture.parameters["worked"]
        func row(_ key: String) throws -> Tensor { try Tensor([worked[key].doubles.map(Float.init)]) }
        let fused = try ReferenceFusion(
            baseWeight: worked["alpha"].double, novelWeight: worked["beta"].double)(
                detectorProbabilities: row("p"), vlmProbabilities: row("v"),
                isBase: worked["base"].ints.map { $0 != 0 })
        for (got, want) in zip(try fused.array(of: Double.self), try fixture.expected["worked"].doubles) {
            #expect(abs(got - want) < 1e-6)
        }
    }

    // MARK: Whole models

    private static func endToEnd(_ fixture: FixtureCase) throws {
        let model = try RecordedModel(fixture)
        let parameters = try fixture.parameters
        let pixels = try fixture.deviceTensor("in.pixel_values")
        let sides = try parameters["image"].ints
        let batch = ImageBatch(pixels: pixels, sizes: [Size2D(sides[0], sides[1])])
        let texts = try fixture.deviceTensor("in.text")
        let flags = try parameters["base"].ints.map { $0 != 0 }
        let options = try model.options()
        let network = model.network

        let levels = try model.trunk.levels(of: pixels)
        if case .transformer(let tower) = model.clip.vision {
            try fixture.expectEqual("out.grid", levels[0])
            try fixture.expectEqual(
                "out.value_map", DenseMapScorer(tower: tower).map(of: tower.features(of: pixels)))
            let adapted = try network.adapted(levels)
            try fixture.expectEqual("out.res4", adapted[2])
            try fixture.expectEqual("out.res5", adapted[3])
        } else {
            try fixture.expectEqual("out.c5", levels[3])
        }
        let pyramid = try network.pyramid(levels)
        let proposals = try network.proposalNetwork(pyramid, sizes: batch.sizes)
        for (index, level) in ["p2", "p3", "p4", "p5", "p6"].enumerated() {
            try fixture.expectEqual("out.\(level)", pyramid[index])
            try fixture.expectEqual("out.rpn_logits.\(level)", proposals.predictions.logits[index])
        }
        try fixture.expectEqual("out.proposals", proposals.boxes[0].tensor)
        try fixture.expectEqual("out.proposal_logits", proposals.logits[0])

        // Later stages start from the recorded proposals, so that differences of rounding do not add up.
        let boxes = try Boxes(fixture.torchTensor("out.proposals"))
        let output = try network.regions(pyramid, boxes: [boxes])
        try fixture.expectEqual("out.box_features", output.vectors)
        try fixture.expectEqual("out.deltas", output.deltas)
        try fixture.expectEqual("out.embeddings", output.embeddings)
        let vlm = try #require(try model.trunk.embeddings(of: [boxes], in: pixels, options))
        try fixture.expectEqual("out.vlm_embeddings", vlm)
        let detectorLogits = try network.classifier(output.embeddings, texts: texts)
        try fixture.expectEqual("out.detector_logits", detectorLogits)
        let vlmLogits = try TextClassifier(fixedTemperature: options.vlmTemperature)(vlm, texts: texts)
        try fixture.expectEqual("out.vlm_logits", vlmLogits)
        try fixture.expectEqual(
            "out.fused", FusedScores(all: detectorLogits, vlmLogits, isBase: flags, options).table())
        try fixture.expectEqual("out.decoded", network.decoded(output.deltas, from: boxes).tensor)

        let found = try network.detections(
            in: batch, trunk: model.trunk, texts: texts, names: flags.indices.dropFirst().map { "\($0)" },
            isBase: flags, options: options)[0]
        let foundBoxes = try found.boxes
        try fixture.expectEqual("out.boxes", foundBoxes.tensor)
        try fixture.expectEqual("out.scores", Tensor(found.map(\.score)))
        try fixture.expectEqual("out.classes", Tensor(found.map { $0.classIndex + 1 }))
        try fixture.expectEqual("out.rows", Tensor(found.map(\.proposal)))
        let masks = try found.masks
        try fixture.expectEqual("out.masks", masks)
        let pasted = try MaskPaster(size: batch.sizes[0], threshold: options.maskThreshold)(
            masks, boxes: foundBoxes)
        try fixture.expectEqual("out.pasted", pasted.to(.uint8))
    }

    // MARK: Training

    private static func trainStep(_ fixture: FixtureCase) throws {
        let model = try RecordedModel(fixture)
        let network = model.network
        let pixels = try fixture.deviceTensor("in.pixel_values")
        let texts = try fixture.deviceTensor("in.text")
        let sizes = [Size2D](
            repeating: Size2D(pixels.shape[2], pixels.shape[3]), count: pixels.shape[0])
        let examples = try sizes.indices.map { image in
            let masks = try fixture.torchTensor("in.gt\(image).masks").to(.uint8)
            return TrainingExample(
                imageID: Int64(image), pixels: try pixels[image],
                boxes: try Boxes(fixture.torchTensor("in.gt\(image).boxes")),
                classes: try fixture.integers("in.gt\(image).classes").map { Int($0) - 1 },
                masks: try masks.unbound().map { .bitmap($0) }, crowd: try .none())
        }
        let levels = try model.trunk.levels(of: pixels)
        network.store.train()
        let generator = try Generator(seed: 0)
        func losses() throws -> DetectorNetwork.Losses {
            try network.losses(
                levels, sizes: sizes, examples: examples, texts: texts, generator: generator)
        }

        // The first step, its regions and gradients.
        let pyramid = try network.pyramid(levels)
        let proposals = try network.proposalNetwork(pyramid, sizes: sizes)
        var regions: [Boxes] = []
        for (image, example) in examples.enumerated() {
            try fixture.expectEqual("out.proposals\(image)", proposals.boxes[image].tensor)
            let all = try Boxes.cat([proposals.boxes[image], example.boxes])
            regions.append(all)
            let matches = try network.architecture.regionSampler.matcher(all, groundTruth: example.boxes)
            let classes = try Tensor(example.classes.map { $0 + 1 }).indexSelected(0, matches.indices)
                .maskedFill(matches.labels .!= 1, with: 0)
            try fixture.expectEqual("out.labels\(image)", classes)
        }
        let output = try network.regions(pyramid, boxes: regions)
        try fixture.expectEqual(
            "out.detector_logits", network.classifier(output.embeddings, texts: texts))

        let setting = try fixture.parameters["optimiser"]
        let order = try fixture.parameters["order"].strings
        #expect(Set(order) == Set(network.store.parameters.map(\.name)))
        let named = try order.map { try #require(network.store[$0]) }
        let betas = try setting["betas"].doubles
        let optimizer = try AdamW(
            [
                ParameterGroup(named.filter { $0.name != "temperature" }),
                ParameterGroup(named.filter { $0.name == "temperature" }, weightDecay: 0),
            ], learningRate: setting["lr"].double, betas: (betas[0], betas[1]),
            epsilon: setting["eps"].double,
            weightDecay: setting["weight_decay"].double)
        let (warmup, steps) = (try setting["warmup"].int, try setting["steps"].int)
        let schedule = try LearningRateSchedule.warmupCosine(
            warmupSteps: warmup, totalSteps: steps, minimumRatio: try setting["final_fraction"].double)
        var trajectory: [[Float]] = []
        var norms: [Float] = []
        var rates: [Float] = []
        for step in 0..<steps {
            let terms = try losses().terms
            if step == 0 {
                for (name, value) in terms { try fixture.expectEqual("out.\(name)", value) }
            }
            trajectory.append(try terms.map { try $0.value.item(as: Float.self) })
            try optimizer.clearGradients()
            try Tensor.backward(terms.map(\.value))
            if step == 0 {
                for parameter in named {
                    try fixture.expectEqual("out.grad.\(parameter.name)", #require(parameter.grad))
                }
            }
            norms.append(
                Float(try clipGradients(of: named, maximumNorm: setting["clip_norm"].double)))
            // The recorded warm-up counts from one.
            let factor = schedule.factor(at: step < warmup ? step + 1 : step)
            rates.append(Float(try setting["lr"].double * factor))
            try optimizer.step(learningRateFactor: factor)
        }
        try fixture.expectEqual("out.trajectory", Tensor(trajectory))
        try fixture.expectEqual("out.grad_norms", Tensor(norms))
        try fixture.expectEqual("out.learning_rates", Tensor(rates))
        let sums = try named.map { parameter -> [Float] in
            let values = try parameter.value.array(of: Double.self)
            return [Float(values.reduce(0, +)), Float(values.reduce(0) { $0 + abs($1) })]
        }
        try fixture.expectEqual("out.final_sums", Tensor(sums))
    }
}

extension [Detection] {
    /// Their boxes, [D].
    var boxes: Boxes {
        get throws {
            isEmpty
                ? try .none()
                : try Boxes(map { [Float($0.box.x1), Float($0.box.y1), Float($0.box.x2), Float($0.box.y2)] })
        }
    }

    /// Their masks, [D, S, S].
    var masks: Tensor {
        get throws {
            try Tensor.stack(
                compactMap(\.mask).map { try Tensor($0.probabilities, shape: [$0.side, $0.side]) })
        }
    }
}
