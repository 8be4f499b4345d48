import RegionDetection
import FixtureSupport
import Testing
import TorchFixtures

extension DetectionParity {
    @Sendable static func boxCoder(_ fixture: FixtureCase) throws {
        for (name, weights) in try fixture.parameters["weights"].object {
            let coder = try BoxCoder(
                weights: weights.doubles, scaleClamp: fixture.parameters["scale_clamp"].double)
            let source = try fixture.boxes("in.src")
            try fixture.expectEqual(
                "out.encoded.\(name)", coder.encode(fixture.boxes("in.dst"), from: source))
            for (input, output) in [("in.deltas", "out.decoded"), ("in.deltas2", "out.decoded2")] {
                try fixture.expectEqual(
                    "\(output).\(name)", coder.decode(fixture.torchTensor(input), from: source))
            }
        }
    }

    @Sendable static func anchors(_ fixture: FixtureCase) throws {
        let parameters = try fixture.parameters
        let grids = try parameters["grid"].array.map { Size2D(try $0.ints[0], try $0.ints[1]) }
        let strides = try parameters["strides"].ints
        let names = strides.map { "p\($0.trailingZeroBitCount)" }
        func generator(offset: Double) throws -> AnchorGenerator {
            try AnchorGenerator(
                sizes: parameters["sizes"].array.map { try $0.doubles }, ratios: parameters["ratios"].doubles,
                strides: strides.map(Double.init), offset: offset)
        }
        for offset in try parameters["offsets"].doubles {
            for (name, anchors) in zip(names, try generator(offset: offset)(grids: grids)) {
                try fixture.expectEqual("out.offset\(offset).\(name)", anchors.tensor)
            }
        }
        for (level, name) in names.enumerated() {
            try fixture.expectEqual(
                "out.cell.\(name)", generator(offset: 0).cellAnchors(level: level).tensor)
        }
    }

    @Sendable static func matcher(_ fixture: FixtureCase) throws {
        let (groundTruth, boxes) = try (fixture.boxes("in.gt"), fixture.boxes("in.pred"))
        let overlaps = try groundTruth.intersectionOverUnion(with: boxes)
        try fixture.expectEqual("out.iou", overlaps)
        for (name, parameters) in try fixture.parameters["matchers"].object {
            let matcher = try Matcher(
                thresholds: parameters["thresholds"].doubles, labels: parameters["labels"].ints,
                allowsLowQualityMatches: parameters["low_quality"].bool)
            func expect(_ kind: String, _ matches: Matcher.Matches) throws {
                try fixture.expectEqual("out.\(name).\(kind).matches", matches.indices)
                try fixture.expectEqual("out.\(name).\(kind).labels", matches.labels)
            }
            try expect("boxes", matcher(overlaps: overlaps))
            try expect("boxes", matcher(boxes, groundTruth: groundTruth))
            for kind in ["ties", "zero_row", "empty"] {
                try expect(kind, matcher(overlaps: fixture.torchTensor("in.\(kind)")))
            }
        }
    }

    @Sendable static func suppression(_ fixture: FixtureCase) throws {
        for threshold in try fixture.parameters["thresholds"].doubles {
            let suppression = try NonMaximumSuppression(threshold: threshold)
            let (boxes, scores) = try (fixture.boxes("in.boxes"), fixture.torchTensor("in.scores"))
            try fixture.expectEqual("out.plain.\(threshold)", suppression(boxes, scores: scores))
            try fixture.expectEqual(
                "out.batched.\(threshold)",
                suppression(boxes, scores: scores, classes: fixture.torchTensor("in.classes")))
            for kind in ["tie", "empty", "bad"] {
                try fixture.expectEqual(
                    "out.\(kind).\(threshold)",
                    suppression(
                        fixture.boxes("in.\(kind).boxes"), scores: fixture.torchTensor("in.\(kind).scores")))
            }
        }
    }

    @Sendable static func inference(_ fixture: FixtureCase) throws {
        let parameters = try fixture.parameters
        let image = try parameters["image"].ints
        let scores = try fixture.torchTensor("in.scores")
        let boxes = try fixture.boxes("in.boxes").clipped(to: Size2D(image[0], image[1]))
        // The background is the last column here.
        let found = try NonMaximumSuppression(threshold: parameters["nms_threshold"].double).perClass(
            boxes, scores: scores[TensorIndex.all, 0..<(scores.shape[1] - 1)],
            scoreThreshold: parameters["score_threshold"].double, limit: parameters["topk"].int)
        let rows = try Tensor(found.rows)
        try fixture.expectEqual("out.rows", rows)
        try fixture.expectEqual("out.classes", Tensor(found.classes))
        try fixture.expectEqual("out.scores", Tensor(found.scores))
        try fixture.expectEqual("out.boxes", boxes.selected(rows).tensor)
    }
}
