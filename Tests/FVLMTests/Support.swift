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

extension FixtureCase {
    /// A recorded tensor as an own copy.
    func torchTensor(_ key: String) throws -> Tensor { try Tensor(tensor(key)).clone() }

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

extension Tensor {
    /// Whether all elements are close to those of another tensor of the same shape.
    func allClose(to other: Tensor, relative: Double = 1e-5, absolute: Double = 1e-6) throws -> Bool {
        guard shape == other.shape else { return false }
        return try isClose(to: other, relative: relative, absolute: absolute).to(.float32).min().item() == 1
    }
}
