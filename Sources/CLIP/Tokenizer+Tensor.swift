import Torch

extension TokenBatch {
    /// The ids as a tensor [texts, contextLength], int64, on the CPU.
    public func tensor() throws -> Tensor {
        try Tensor(ids, shape: [lengths.count, contextLength])
    }
}
