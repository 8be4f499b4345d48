import FixtureSupport
import Testing
import Torch

extension FixtureCase {
    /// A recorded tensor as an own copy.
    package func torchTensor(_ key: String) throws -> Tensor { try Tensor(tensor(key)).clone() }

    /// A recorded tensor as an own copy, on the device of the parity tests.
    package func deviceTensor(_ key: String) throws -> Tensor {
        try torchTensor(key).to(device: TestDevice.current)
    }

    /// Expects a result to be the recorded tensor `key`, in shape, kind of element and values.
    package func expectEqual(
        _ key: String, _ got: Tensor, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let difference =
            try tensor(key).dtype.isFloatingPoint
            ? try self.difference(key, got.array(of: Float.self), shape: got.shape)
            : try self.difference(key, got.array(of: Int64.self), shape: got.shape)
        if let difference { Issue.record("\(difference)", sourceLocation: sourceLocation) }
    }
}
