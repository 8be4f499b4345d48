import FVLM
import FixtureSupport
import Testing

/// The tensors of a case under a prefix, without it.
struct RecordedWeights: WeightSource {
    let fixture: FixtureCase
    let prefix: String
    var isIncluded: @Sendable (String) -> Bool = { _ in true }

    var origin: String { "\(fixture.name) \(prefix)" }
    var keys: [String] {
        fixture.keys(startingWith: prefix).map { String($0.dropFirst(prefix.count)) }.filter(isIncluded)
    }

    func tensor(named name: String) throws -> StoredTensor { try fixture.tensor(prefix + name) }
}

extension Tensor {
    /// Whether all elements are close to those of another tensor of the same shape.
    func allClose(to other: Tensor, relative: Double = 1e-5, absolute: Double = 1e-6) throws -> Bool {
        guard shape == other.shape else { return false }
        return try isClose(to: other, relative: relative, absolute: absolute).to(.float32).min().item() == 1
    }
}
