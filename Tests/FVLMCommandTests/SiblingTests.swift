import FVLMCommand
import Testing

@Suite struct SiblingTests {
    /// What the user has set stays, and either of the two settings of waiting threads counts as set.
    @Test func whatTheUserHasSetStays() {
        #expect(Sibling.settings([:]) == ["PYTORCH_ENABLE_MPS_FALLBACK": "1", "GOMP_SPINCOUNT": "0"])
        #expect(Sibling.settings(["OMP_WAIT_POLICY": "active"]) == ["PYTORCH_ENABLE_MPS_FALLBACK": "1"])
        #expect(
            Sibling.settings(["GOMP_SPINCOUNT": "1000", "PYTORCH_ENABLE_MPS_FALLBACK": "0"]).isEmpty)
    }
}
