import Testing
import Torch

@Suite struct TensorTests {
    @Test func arithmetic() throws {
        let a = try Tensor([1, 2, 3] as [Float])
        let b = try a + a * 2 - 1
        #expect(try b.array(of: Float.self) == [2, 5, 8])
    }
}
