import RegionDetection
import FixtureSupport
import Testing
import TorchFixtures

extension DetectionParity {
    @Sendable static func roiAlign(_ fixture: FixtureCase) throws {
        let regions = try fixture.torchTensor("in.rois")
        let boxes = try Boxes(regions[TensorIndex.all, 1..<5])
        let images = try regions[TensorIndex.all, 0].array(of: Int64.self)
        let places = try Regions(boxes: boxes, images: images, levels: images.map { _ in 0 })
        for (name, parameters) in try fixture.parameters["configs"].object {
            let output = try parameters["output"].ints
            let ratio = try parameters["sampling_ratio"].int
            let sampling =
                try parameters["aligned"].bool
                ? RegionSampling.aligned(ratio: ratio) : .legacy(ratio: ratio)
            for pool in RoIAlignTests.pools {
                let features = try fixture.deviceTensor("in.features").requiringGrad()
                let pooled = try pool(
                    [PyramidLevel(features, scale: parameters["scale"].double)], places,
                    Size2D(output[0], output[1]), sampling)
                try fixture.expectEqual("out.output.\(name)", pooled)
                try pooled.backward(fixture.deviceTensor("in.upstream.\(name)"))
                try fixture.expectEqual("out.grad.\(name)", #require(features.grad))
            }
        }
    }

    @Sendable static func roiPooler(_ fixture: FixtureCase) throws {
        let parameters = try fixture.parameters
        let strides = try parameters["strides"].ints
        let pooler = try RegionPooler(
            output: parameters["output"].int, strides: strides.map(Double.init),
            sampling: .aligned(ratio: parameters["sampling_ratio"].int),
            canonicalSide: parameters["canonical_box_size"].double,
            canonicalLevel: parameters["canonical_level"].int)
        let boxes = try fixture.keys(startingWith: "in.boxes").sorted().map { try fixture.boxes($0) }
        try fixture.expectEqual("out.levels", Tensor(pooler.levels(for: Boxes.cat(boxes))))
        let features = try strides.map { try fixture.deviceTensor("in.p\($0.trailingZeroBitCount)") }
        try fixture.expectEqual("out.output", pooler(features, boxes: boxes))
    }

    @Sendable static func maskTargets(_ fixture: FixtureCase) throws {
        let parameters = try fixture.parameters
        let (boxes, side) = try (fixture.boxes("in.boxes"), parameters["side"].int)
        let polygons = try parameters["polygons"].array.map { try $0.array.map { try $0.doubles } }
        try fixture.expectEqual(
            "out.from_polygons", MaskTargets.polygons(polygons, boxes: boxes, side: side))
        let masks = try fixture.torchTensor("in.masks")
        let index = (0..<boxes.count).map(Int64.init)
        try fixture.expectEqual(
            "out.from_bitmasks", MaskTargets.bitmaps(masks, index: index, boxes: boxes, side: side))
        try fixture.expectEqual(
            "out.from_bitmasks.average",
            MaskTargets.bitmapAverages(masks, index: index, boxes: boxes, side: side))
    }

    @Sendable static func maskPaste(_ fixture: FixtureCase) throws {
        let image = try fixture.parameters["image"].ints
        let paster = try MaskPaster(
            size: Size2D(image[0], image[1]), threshold: fixture.parameters["threshold"].double)
        let (masks, boxes) = try (fixture.torchTensor("in.masks"), fixture.boxes("in.boxes"))
        try fixture.expectEqual("out.pasted", paster(masks, boxes: boxes))
        try fixture.expectEqual("out.soft", paster.values(masks, boxes: boxes))
    }
}
