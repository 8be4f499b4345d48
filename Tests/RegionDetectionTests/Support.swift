import FixtureSupport
import TorchFixtures

@testable import RegionDetection

/// The tensors of a case under a prefix, without it.
struct RecordedWeights: WeightSource {
    let fixture: FixtureCase
    let prefix: String

    var origin: String { "\(fixture.name) \(prefix)" }
    var keys: [String] { fixture.keys(startingWith: prefix).map { String($0.dropFirst(prefix.count)) } }

    func tensor(named name: String) throws -> StoredTensor { try fixture.tensor(prefix + name) }
}

extension FixtureCase {
    /// Loads the recorded weights into a network, all of them.
    func load(_ store: ParameterStore) throws {
        try store.load(RecordedWeights(fixture: self, prefix: "in.weight."))
        try store.moveToTestDevice()
    }

    /// The tensors whose keys are a prefix and a level, `p2` and so on, finest first.
    func levels(_ prefix: String) throws -> [Tensor] {
        try levelNames(prefix).map { try deviceTensor(prefix + $0) }
    }

    func levelNames(_ prefix: String) -> [String] {
        (0..<16).map { "p\($0)" }.filter { has(prefix + $0) }
    }
}

/// RoIAlign as other devices compute it in deterministic runs.
func roiAlignByOperators(
    _ levels: [PyramidLevel], _ regions: Regions, output: Size2D, sampling: RegionSampling
) throws -> Tensor {
    try PoolingRequest(levels, regions, output: output, sampling: sampling).pooledByOperators()
}

/// RoIAlign as other devices compute it otherwise.
func roiAlignBySampler(
    _ levels: [PyramidLevel], _ regions: Regions, output: Size2D, sampling: RegionSampling
) throws -> Tensor {
    try PoolingRequest(levels, regions, output: output, sampling: sampling).pooledBySampler()
}
