import RegionDetection
import FixtureSupport
import Testing
import TorchFixtures

/// Values recorded from detectron2 and torchvision.
@Suite struct DetectionParity {
    /// What tests here read. Every case folder of the group is one of these, under whatever further name.
    static let kinds: [String: @Sendable (FixtureCase) throws -> Void] = [
        "box-coder": boxCoder, "anchors": anchors, "matcher": matcher, "roi-align": roiAlign,
        "roi-pooler": roiPooler, "nms": suppression, "mask-targets": maskTargets,
        "mask-paste": maskPaste, "inference": inference, "fpn": pyramid, "rpn": proposalNetwork,
        "box-head-fc": boxHead, "box-head-conv": boxHead, "mask-head": maskHead, "checkpoint": checkpoint,
    ]

    @Test(arguments: try Fixtures.names("detection"))
    func `case`(_ name: String) throws {
        let kind = try #require(Self.kinds[name], "no test reads the case detection/\(name)")
        try kind(Fixtures.case("detection", name))
    }
}

extension FixtureCase {
    func boxes(_ key: String) throws -> Boxes { try Boxes(torchTensor(key)) }
}
