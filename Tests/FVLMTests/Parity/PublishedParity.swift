import FixtureSupport
import FVLM
import Testing
import TorchFixtures

/// Values recorded from the published F-VLM's own code: the cases of the whole model. Those of its parts are read by the
/// suite of the same name beside the detector's parts.
@Suite struct PublishedParity {
    private static let kinds: [String: @Sendable (FixtureCase) throws -> Void] = [
        "end-to-end": endToEnd, "scoring": scoring, "checkpoint": checkpoint,
    ]

    @Test(arguments: try Fixtures.names("published").filter { kinds[$0] != nil })
    func `case`(_ name: String) throws {
        let kind = try #require(Self.kinds[name])
        try kind(Fixtures.case("published", name))
    }

    // MARK: The whole model

    private static func endToEnd(_ fixture: FixtureCase) throws {
        let parameters = try fixture.parameters
        let model = try PublishedModel(fixture)
        let (trunk, network) = (model.trunk, model.network)
        let pixels = try fixture.deviceTensor("in.pixel_values")
        let batch = ImageBatch(
            pixels: pixels,
            sizes: try parameters["true"].array.map { try $0.ints }.map { Size2D($0[0], $0[1]) })
        let texts = try fixture.deviceTensor("in.text")
        let flags =
            try parameters["base_indicator"].bool
            ? try fixture.integers("in.base_indicator").map { $0 != 0 } : nil
        let options = try model.options()

        let features = try trunk.features(of: pixels)
        let levels = trunk.levels(of: features)
        for (place, map) in levels.enumerated() {
            try fixture.expectEqual("out.c\(place + 2)", map)
        }
        let pyramid = try network.pyramid(levels)
        let proposals = try network.proposalNetwork(pyramid, sizes: batch.sizes)
        let predictions = proposals.predictions
        for (place, level) in try parameters["levels"].ints.enumerated() {
            try fixture.expectEqual("out.p\(level)", pyramid[place])
            try fixture.expectEqual("out.rpn_logits.p\(level)", predictions.logits[place])
            try fixture.expectEqual(
                "out.rpn_deltas.p\(level)", yxFirst(predictions.deltas[place], dimension: 1))
        }

        // The official code fills short lists with empty boxes and scores these too; here there are only real ones.
        let recorded = try yxFirst(fixture.torchTensor("out.proposals"))
        let scores = try fixture.torchTensor("out.proposal_scores")
        let valid = try fixture.integers("out.valid").map { Int($0) }
        for (image, found) in proposals.boxes.enumerated() {
            try #require(found.count == valid[image])
            let tolerance = try fixture.tolerance("out.proposals")
            let difference = Comparison.difference(
                "proposals of image \(image)", try found.tensor.array(of: Double.self),
                try recorded[image, 0..<valid[image]].array(of: Double.self),
                shape: found.tensor.shape, tolerance)
            if let difference { Issue.record("\(difference)") }
            let probabilities = try proposals.logits[image].sigmoid()
            #expect(
                try probabilities.isClose(
                    to: scores[image, 0..<valid[image]], relative: 1e-4, absolute: 1e-5
                ).all().item() == 1)
        }

        // Later stages start from the recorded proposals, the empty ones included.
        let boxes = try recorded.unbound(0).map { try Boxes($0) }
        let (images, count) = (boxes.count, boxes[0].count)
        func perImage(_ tensor: Tensor) throws -> Tensor {
            try tensor.reshaped([images, count] + tensor.shape.dropFirst())
        }
        try fixture.expectEqual("out.box_crops", perImage(network.pooledRegions(pyramid, boxes: boxes)))
        let output = try network.regions(pyramid, boxes: boxes)
        try fixture.expectEqual("out.embeddings", perImage(output.embeddings))
        try fixture.expectEqual("out.deltas", yxFirst(perImage(output.deltas)))
        let vlm = try model.scorer.embeddings(of: boxes, features: features, pixels: pixels)
        try fixture.expectEqual("out.vlm_embeddings", perImage(vlm))
        let detectorLogits = try network.classifier(output.embeddings, texts: texts)
        try fixture.expectEqual("out.detector_logits", perImage(detectorLogits))
        let vlmLogits = try TextClassifier(fixedTemperature: options.vlmTemperature)(vlm, texts: texts)
        try fixture.expectEqual("out.vlm_logits", perImage(vlmLogits))
        try fixture.expectEqual(
            "out.fused",
            perImage(FusedScores(all: detectorLogits, vlmLogits, isBase: flags, options).table()))
        let found = try network.found(
            boxes, output, vlm: vlm, texts: texts, isBase: flags, sizes: batch.sizes, options: options)
        try fixture.expectDetections(found, prefix: "out.", limit: options.limit)
        let masks = try #require(try network.maskLogits(pyramid, boxes: found.map(\.boxes))).sigmoid()
            .squeezed(1)
        try fixture.expectMasks(masks, counts: found.map(\.boxes.count), limit: options.limit)

        // All at once; without empty proposals there is nothing that differs.
        if valid.allSatisfy({ $0 == count }) {
            let whole = try network.detections(
                in: batch, trunk: trunk, texts: texts, names: (1..<texts.shape[0]).map { "\($0)" },
                isBase: flags, options: options)
            try fixture.expectDetections(
                whole.map { found in
                    Found(
                        boxes: try found.boxes, scores: found.map(\.score),
                        classes: found.map { $0.classIndex + 1 })
                }, prefix: "out.", limit: options.limit)
            try fixture.expectMasks(
                Tensor.cat(whole.map { try $0.masks }), counts: whole.map(\.count), limit: options.limit)
        }
    }

    // MARK: Scoring

    private static func scoring(_ fixture: FixtureCase) throws {
        let parameters = try fixture.parameters
        let model = try PublishedModel(scoring: fixture)
        let boxes = try yxFirst(fixture.torchTensor("in.proposals")).unbound(0).map { try Boxes($0) }
        let (images, count) = (boxes.count, boxes[0].count)
        func perImage(_ tensor: Tensor) throws -> Tensor {
            try tensor.reshaped([images, count] + tensor.shape.dropFirst())
        }
        let map = try fixture.deviceTensor("in.c5")
        let corners = try Boxes.cat(boxes).tensor
        let cropping = try RegionCropping.cellCenters(
            corners, images: (0..<images).flatMap { [Int](repeating: $0, count: count) },
            mapSize: Size2D(map.shape[2], map.shape[3]), gridSize: parameters["grid"].int)
        try fixture.expectEqual("out.crops", perImage(cropping.crops(of: map)))
        let vlm = try model.scorer.embeddings(
            of: Boxes.cat(boxes),
            images: (0..<images).flatMap { [Int64](repeating: Int64($0), count: count) }, on: map)
        try fixture.expectEqual("out.vlm_embeddings", perImage(vlm))
        let output = DetectorNetwork.RegionOutput(
            vectors: vlm, deltas: try yxFirst(fixture.torchTensor("in.deltas")).reshaped([-1, 4]),
            embeddings: try fixture.deviceTensor("in.embeddings").flattened(from: 0, to: 1))
        let sizes = try fixture.torchTensor("in.sizes").array(of: Int.self)
        let imageSizes = (0..<images).map { Size2D(sizes[2 * $0], sizes[2 * $0 + 1]) }
        let indicator = try fixture.torchTensor("in.base_indicator")
        let indicated = try (0..<images).map { try indicator[$0].array(of: Int.self).map { $0 != 0 } }
        for (name, detections, flags) in [
            ("fused", "detections", [[Bool]?](repeating: nil, count: images)),
            ("fused_base", "detections_base", indicated),
        ] {
            var options = ScoringOptions()
            options.vlmTemperature = try parameters["clip_sim_temp"].double
            options.baseWeight = try parameters["base_vlm_weight"].double
            options.novelWeight = try parameters["novel_vlm_weight"].double
            // Every image has base classes of its own.
            let texts = try fixture.deviceTensor("in.text")
            let parts = try (0..<images).map { image in
                let rows = image * count..<(image + 1) * count
                return (
                    detector: try model.network.classifier(output.embeddings[rows], texts: texts),
                    vlm: try TextClassifier(fixedTemperature: options.vlmTemperature)(vlm[rows], texts: texts)
                )
            }
            try fixture.expectEqual("out.detector_logits", Tensor.stack(parts.map(\.detector)))
            try fixture.expectEqual("out.vlm_logits", Tensor.stack(parts.map(\.vlm)))
            try fixture.expectEqual(
                "out.\(name)",
                Tensor.stack(
                    zip(parts, flags).map { part, flags in
                        try FusedScores(all: part.detector, part.vlm, isBase: flags, options).table()
                    }))
            for (setting, values) in try parameters["detections"].object {
                options.scoreThreshold = try values["score_threshold"].double
                options.suppressionThreshold = try values["nms_threshold"].double
                options.candidatesPerClass = try values["pre_nms"].int
                options.limit = try values["max_detections"].int
                let found = try (0..<images).flatMap { image in
                    let rows = image * count..<(image + 1) * count
                    return try model.network.found(
                        [boxes[image]],
                        .init(
                            vectors: output.vectors[rows], deltas: output.deltas[rows],
                            embeddings: output.embeddings[rows]), vlm: vlm[rows], texts: texts,
                        isBase: flags[image], sizes: [imageSizes[image]], options: options)
                }
                try fixture.expectDetections(
                    found, prefix: "out.\(detections).\(setting).", limit: options.limit)
            }
        }
    }
}

extension PublishedParity {
    /// A checkpoint in the official form holds the weights of the whole model's case, exactly.
    fileprivate static func checkpoint(_ fixture: FixtureCase) throws {
        let parameters = try fixture.parameters
        let checkpoint = try PublishedCheckpoint(contentsOf: fixture.path(parameters["file"].string))
        #expect(try checkpoint.step == parameters["step"].int)
        let table = try fixture.expected["table"].array
        #expect(try Set(checkpoint.keys) == Set(table.map { try $0["torch"].string }))
        let model = try FixtureCase(
            folder: fixture.folder.appending(path: parameters["model"].string).standardizedFileURL)
        for entry in table {
            let name = try entry["torch"].string
            let got = try checkpoint.tensor(named: name)
            #expect(try got.shape == entry["torch_shape"].ints, "\(name)")
            #expect(got.floats() == (try model.floats("in.weight.\(name)")), "\(name)")
            let sum = got.doubles().reduce(0, +)
            #expect(try abs(sum - entry["sum"].double) <= 1e-9 * (1 + abs(sum)), "\(name)")
        }

        // Loaded into the network, the same outputs follow as from the recorded weights.
        let recorded = try PublishedModel(model)
        let network = try DetectorNetwork(recorded.network.architecture)
        try checkpoint.load(into: network)
        for parameter in network.store.parameters where !parameter.isOptional {
            let same = try #require(recorded.network.store[parameter.name])
            #expect(
                try parameter.value.isEqual(to: same.value.to(device: .cpu)), "\(parameter.name)")
        }
    }
}

/// Boxes or deltas with x before y as the published code has them, y first, and the other way round.
func yxFirst(_ tensor: Tensor, dimension: Int = -1) throws -> Tensor {
    let shape = tensor.shape
    let place = dimension < 0 ? dimension + shape.count : dimension
    let split = Array(shape[..<place]) + [shape[place] / 4, 4] + Array(shape[(place + 1)...])
    return try tensor.reshaped(split).indexSelected(
        place + 1, Tensor([1, 0, 3, 2]).to(device: tensor.device)
    ).reshaped(shape)
}

extension FixtureCase {
    /// Compares detections with recorded ones, whose rows past the number of detections are zero.
    fileprivate func expectDetections(
        _ found: [Found], prefix: String, limit: Int,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        #expect(
            try integers(prefix + "num_detections") == found.map { Int64($0.scores.count) },
            sourceLocation: sourceLocation)
        func padded(_ tensor: Tensor) throws -> Tensor {
            let missing = limit - tensor.shape[0]
            let sides = [Int](repeating: 0, count: 2 * (tensor.rank - 1)) + [0, missing]
            return try tensor.padded(sides)
        }
        try expectEqual(
            prefix + "boxes", Tensor.stack(found.map { try padded(yxFirst($0.boxes.tensor)) }),
            sourceLocation: sourceLocation)
        try expectEqual(
            prefix + "scores", Tensor.stack(found.map { try padded(Tensor($0.scores)) }),
            sourceLocation: sourceLocation)
        try expectEqual(
            prefix + "classes", Tensor.stack(found.map { try padded(Tensor($0.classes)) }),
            sourceLocation: sourceLocation)
    }

    fileprivate func expectMasks(_ masks: Tensor, counts: [Int], limit: Int) throws {
        let parts = try masks.split(counts)
        let padded = try zip(parts, counts).map { part, count in
            try part.padded([0, 0, 0, 0, 0, limit - count])
        }
        try expectEqual("out.masks", Tensor.stack(padded))
    }
}

/// What was found in one image: boxes, scores, and rows of the texts.
private struct Found {
    let boxes: Boxes
    let scores: [Float]
    let classes: [Int]
}

extension DetectorNetwork {
    /// The network's last steps from given regions on.
    fileprivate func found(
        _ regions: [Boxes], _ output: RegionOutput, vlm: Tensor, texts: Tensor, isBase: [Bool]?,
        sizes: [Size2D],
        options: ScoringOptions
    ) throws -> [Found] {
        let scores = try scores(
            output.embeddings, vlmEmbeddings: vlm, texts: texts, isBase: isBase,
            objectness: regions.map { try Tensor.zeros([$0.count]) }, options: options)
        return try zip(boxes(output, from: regions, sizes: sizes), scores).map { boxes, scores in
            let kept = try suppressed(boxes, scores.pairs, options: options)
            return Found(
                boxes: kept.rows.isEmpty
                    ? try .none() : try boxes.selected(Tensor(kept.rows.map { Int64($0) })),
                scores: kept.scores, classes: kept.classes.map { Int($0) })
        }
    }
}
