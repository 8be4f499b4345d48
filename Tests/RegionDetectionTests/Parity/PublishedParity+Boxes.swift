import RegionDetection
import FixtureSupport
import Testing
import TorchFixtures

extension PublishedParity {
    private static func generator(_ size: Double, _ ratios: [Double], levels: [Int]) throws -> AnchorGenerator
    {
        let strides = levels.map { Double(1 << $0) }
        return try AnchorGenerator(
            // Widths by heights there, heights by widths here.
            sizes: strides.map { [size * $0] }, ratios: ratios.map { 1 / $0 }, strides: strides,
            offset: 0.5)
    }

    @Sendable static func boxCoder(_ fixture: FixtureCase) throws {
        let parameters = try fixture.parameters
        let plain = BoxCoder(scaleClamp: try parameters["clip"].double, extent: .inclusive)
        // dy, dx, dh, dw there.
        let weights = try parameters["weights"].doubles
        let weighted = try BoxCoder(
            weights: [weights[1], weights[0], weights[3], weights[2]], scaleClamp: parameters["clip"].double,
            extent: .inclusive)
        let (anchors, boxes) = try (fixture.yxBoxes("in.anchors"), fixture.yxBoxes("in.boxes"))
        for (coder, encoded, deltas, decoded) in [
            (plain, "out.encoded", "in.deltas", "out.decoded"),
            (weighted, "out.encoded_weighted", "in.weighted_deltas", "out.decoded_weighted"),
        ] {
            try fixture.expectEqual(encoded, fixture.swapped(coder.encode(boxes, from: anchors)))
            let result = try coder.decode(fixture.swapped(fixture.torchTensor(deltas)), from: anchors)
            try fixture.expectEqual(decoded, fixture.swapped(result))
        }
        let image = try parameters["image"].ints
        let clipped = try fixture.yxBoxes("in.outside").clipped(
            to: Size2D(image[0], image[1]), border: .lastPixel)
        try fixture.expectEqual("out.clipped", fixture.swapped(clipped.tensor))

        let levels = try parameters["levels"].ints
        let size = try parameters["anchor_image"].ints
        let generator = try generator(
            parameters["anchor_size"].double, parameters["ratios"].doubles, levels: levels)
        let grids = levels.map { Size2D(size[0] >> $0, size[1] >> $0) }
        for (level, anchors) in zip(levels, try generator(grids: grids)) {
            try fixture.expectEqual("out.anchors.p\(level)", fixture.swapped(anchors.tensor))
        }
    }

    @Sendable static func proposals(_ fixture: FixtureCase) throws {
        let parameters = try fixture.parameters
        let names = fixture.levelNames("in.rpn_logits.")
        let levels = try names.map { try #require(Int($0.dropFirst())) }
        let sizes = try parameters["true"].array.map { Size2D(try $0.ints[0], try $0.ints[1]) }
        let predictions = RegionProposalHead.Predictions(
            logits: try fixture.levels("in.rpn_logits."),
            deltas: try fixture.levels("in.rpn_deltas.").map { try fixture.yxMap($0) })
        let anchors = try generator(8, [1, 2, 0.5], levels: levels)
        let grids = predictions.logits.map { Size2D($0.shape[2], $0.shape[3]) }
        for (name, boxes) in zip(names, try anchors(grids: grids)) {
            try fixture.expectEqual("in.anchors.\(name)", fixture.swapped(boxes.tensor))
        }
        for (run, counts) in try parameters["runs"].object {
            var configuration = RegionProposalNetwork.Configuration.published()
            configuration.suppression.threshold = try parameters["rpn_nms_threshold"].double
            configuration.evaluation = .init(
                beforeSuppression: try counts["pre_nms"].int, afterSuppression: try counts["post_nms"].int)
            let store = ParameterStore()
            let network = try RegionProposalNetwork(
                store.root, head: .init(width: 4), anchors: anchors, configuration)
            let proposals = try network.proposals(from: predictions, sizes: sizes)
            // The published code fills up with boxes of zeros.
            let places = try counts["post_nms"].int
            func filled(_ tensor: Tensor) throws -> Tensor {
                try Tensor.cat([
                    tensor, Tensor.zeros([places - tensor.shape[0]] + tensor.shape.dropFirst()),
                ])
            }
            try fixture.expectEqual("out.\(run).valid", Tensor(proposals.boxes.map(\.count)))
            try fixture.expectEqual(
                "out.\(run).proposals",
                Tensor.stack(proposals.boxes.map { try filled(fixture.swapped($0.tensor)) }))
            try fixture.expectEqual(
                "out.\(run).scores", Tensor.stack(proposals.logits.map { try filled($0.sigmoid()) }))
        }
    }

    @Sendable static func regionCrop(_ fixture: FixtureCase) throws {
        let parameters = try fixture.parameters
        for name in ["pyramid", "large", "top"] {
            let names = fixture.levelNames("in.\(name).")
            let strides = try names.map { Double(1 << (try #require(Int($0.dropFirst())))) }
            for output in try parameters[name]["sizes"].ints {
                let pooler = try RegionPooler(
                    output: output, strides: strides, sampling: .cellCenters,
                    canonicalSide: parameters["canonical_size"].double,
                    canonicalLevel: parameters["canonical_level"].int)
                let maps = try fixture.levels("in.\(name).")
                let boxes = try (0..<maps[0].shape[0]).map {
                    try fixture.yxBoxes("in.\(name).boxes", image: $0)
                }
                let pooled = try pooler(maps, boxes: boxes)
                let shape = [boxes.count, boxes[0].count] + pooled.shape.dropFirst()
                try fixture.expectEqual("out.\(name).crop\(output)", pooled.reshaped(shape))

                let all = try Boxes.cat(boxes)
                let images = boxes.indices.flatMap { [Int64](repeating: Int64($0), count: boxes[0].count) }
                let composite = try roiAlignByOperators(
                    zip(maps, strides).map { PyramidLevel($0, scale: 1 / Double($1)) },
                    Regions(boxes: all, images: images, levels: pooler.levels(for: all)),
                    output: Size2D(output), sampling: .cellCenters)
                try fixture.expectEqual("out.\(name).crop\(output)", composite.reshaped(shape))
            }
        }
    }

    @Sendable static func maskTargets(_ fixture: FixtureCase) throws {
        let side = try fixture.parameters["target"].int
        let masks = try fixture.torchTensor("in.masks")
        let index = try fixture.torchTensor("in.index")
        let targets = try (0..<masks.shape[0]).map { image in
            try MaskTargets.boxBitmaps(
                masks[image], maskBoxes: fixture.yxBoxes("in.boxes", image: image),
                index: index[image].array(of: Int64.self), boxes: fixture.yxBoxes("in.rois", image: image),
                side: side)
        }
        try fixture.expectEqual("out.targets", Tensor.stack(targets))
    }

    @Sendable static func maskPaste(_ fixture: FixtureCase) throws {
        let image = try fixture.parameters["image"].ints
        let paster = try MaskPaster(
            size: Size2D(image[0], image[1]), threshold: fixture.parameters["threshold"].double,
            placement: .wholePixels)
        let (masks, boxes) = try (fixture.torchTensor("in.masks"), Boxes(fixture.torchTensor("in.boxes")))
        try fixture.expectEqual("out.pasted", paster(masks, boxes: boxes))
        try fixture.expectEqual("out.soft", paster.values(masks, boxes: boxes))
    }
}
