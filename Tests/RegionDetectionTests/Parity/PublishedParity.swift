import RegionDetection
import FixtureSupport
import Testing
import TorchFixtures

/// Values recorded from the published F-VLM's own code.
@Suite struct PublishedParity {
    static let kinds: [String: @Sendable (FixtureCase) throws -> Void] = [
        "box-coder": boxCoder, "heads": heads, "losses": losses, "mask-paste": maskPaste,
        "mask-targets": maskTargets,
        "proposals": proposals, "roi-crop": regionCrop,
    ]

    /// Cases of the whole model, which suites of other targets read.
    static let elsewhere: Set = ["scoring", "end-to-end", "checkpoint"]

    @Test(arguments: try Fixtures.names("published").filter { !elsewhere.contains($0) })
    func `case`(_ name: String) throws {
        let kind = try #require(Self.kinds[name], "no test reads the case published/\(name)")
        try kind(Fixtures.case("published", name))
    }
}

/// The published code has y before x.
extension FixtureCase {
    func swapped(_ tensor: Tensor, dimension: Int = -1) throws -> Tensor {
        try tensor.indexSelected(
            dimension, Tensor([1, 0, 3, 2] as [Int64]).to(device: tensor.device))
    }

    /// Boxes [..., 4] as a list [N, 4].
    func yxBoxes(_ key: String) throws -> Boxes {
        try Boxes(swapped(torchTensor(key)).reshaped([-1, 4]))
    }

    func yxBoxes(_ key: String, image: Int) throws -> Boxes {
        try Boxes(swapped(torchTensor(key)[image]))
    }

    /// Deltas of maps [N, 4 A, H, W].
    func yxMap(_ tensor: Tensor) throws -> Tensor {
        let shape = tensor.shape
        return try swapped(
            tensor.reshaped([shape[0], shape[1] / 4, 4, shape[2], shape[3]]), dimension: 2
        ).reshaped(shape)
    }
}
