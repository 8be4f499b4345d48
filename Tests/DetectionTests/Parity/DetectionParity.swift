import Detection
import FixtureSupport
import Testing

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
    /// A recorded tensor as an own copy.
    func torchTensor(_ key: String) throws -> Tensor { try Tensor(tensor(key)).clone() }

    func boxes(_ key: String) throws -> Boxes { try Boxes(torchTensor(key)) }

    /// Expects a result to be the recorded tensor `key`, in shape, kind of element and values.
    func expectEqual(
        _ key: String, _ got: Tensor, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let difference =
            try tensor(key).dtype.isFloatingPoint
            ? try self.difference(key, got.array(of: Float.self), shape: got.shape)
            : try self.difference(key, got.array(of: Int64.self), shape: got.shape)
        if let difference { Issue.record("\(difference)", sourceLocation: sourceLocation) }
    }
}
