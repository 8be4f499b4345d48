import FixtureSupport
import Testing
import Torch

/// Values recorded from PyTorch (`Fixtures/torch/record.py`).
@Suite struct TorchParity {
    /// Every case folder must be one that a test here reads.
    @Test func everyCaseIsUnderstood() throws {
        #expect(
            try Fixtures.names("torch") == ["initializers", "layers", "operators", "optimizers", "schedules"])
    }
}
