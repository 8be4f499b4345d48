import Testing
import Torch

/// Autocast, random state, threads, memory.
@Suite struct RuntimeTests {
    @Test func autocastComputesProductsInBfloat16() throws {
        let x = try Tensor.ones([2, 3])
        let weight = try Tensor.ones([4, 3]).requiringGrad()
        let (product, loss) = try withAutocast(.bfloat16) {
            (try x.linear(weight), try x.linear(weight).crossEntropy(Tensor([1, 3])))
        }
        #expect(try product.dtype == .bfloat16)
        #expect(try loss.dtype == .float32)
        #expect(try x.linear(weight).dtype == .float32)
        try product.sum().backward()
        #expect(try weight.grad?.dtype == .float32)
        let inner = try withAutocast(.bfloat16) { try withAutocast(nil) { try x.linear(weight) } }
        #expect(try inner.dtype == .float32)
    }

    @Test func devicesWithoutCastsAreAnError() throws {
        let error = try #require(throws: TorchError.self) {
            try withAutocast(.bfloat16, device: .meta) { Issue.record("ran with casts that there are not") }
        }
        #expect(error.operation == "withAutocast" && error.arguments == ["meta"])
        #expect(!isAutocasting)
    }

    /// Kernels get pointers; the tensors behind them live until the call is over, used otherwise or not.
    @Test func tensorsOutliveTheirPointers() throws {
        weak var watched: Tensor?
        try Kernel.call { memory in
            let pointer = try { () throws -> UnsafeMutablePointer<Float> in
                let tensor = try Tensor.ones([1 << 16])
                watched = tensor
                return try memory.floats(of: tensor)
            }()
            // Would take the place of a tensor that is gone.
            let others = try (0..<8).map { _ in try Tensor.zeros([1 << 16]) }
            #expect(watched != nil)
            #expect((0..<1 << 16).allSatisfy { pointer[$0] == 1 })
            withExtendedLifetime(others) {}
        }
        #expect(watched == nil)
    }

    @Test func generatorsRepeatAndContinue() throws {
        let generator = try Generator(seed: 42)
        let first = try Tensor.random([5], generator: generator)
        let state = try generator.state()
        let second = try Tensor.randomNormal([5], generator: generator)
        try generator.restore(state)
        #expect(try Tensor.randomNormal([5], generator: generator).isEqual(to: second))
        try generator.seed(42)
        #expect(try Tensor.random([5], generator: generator).isEqual(to: first))
        #expect(throws: TorchError.self) { try generator.restore(Tensor([1, 2, 3])) }
        #expect(throws: TorchError.self) { try generator.restore(Tensor.zeros([7], dtype: .uint8)) }
        // Torch's own stream: the first numbers after seed 42.
        try generator.seed(42)
        let numbers = try Tensor.random([2], generator: generator).array(of: Float.self)
        #expect(numbers == [0.88226926, 0.91500396])
    }

    @Test func threadCountIsCheckedAndKept() throws {
        let before = Runtime.threadCount
        #expect(before >= 1)
        #expect(throws: TorchError.self) { try Runtime.setThreadCount(0) }
        try Runtime.setThreadCount(before)
        #expect(Runtime.threadCount == before)
        #expect(Runtime.version.hasPrefix("2."))
    }

    /// Several tasks compute with the same tensors, record, run backward passes and fail at the same time.
    @Test func tensorsAreUsedFromSeveralTasks() async throws {
        let weight = try Tensor.random([16, 16], generator: Generator(seed: 1))
        let expected = try weight.matmul(weight).array(of: Float.self)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<50 {
                        let leaf = try weight.clone().requiringGrad()
                        let product = try weight.matmul(leaf)
                        guard try product.array(of: Float.self) == expected else { return false }
                        try product.sum().backward()
                        guard leaf.grad != nil, (try? weight.matmul(Tensor.ones([3]))) == nil else {
                            return false
                        }
                        let part = try weight[2..<5, TensorIndex.all]
                        guard part.shape == [3, 16] else { return false }
                    }
                    return true
                }
            }
            for try await isRight in group { #expect(isRight) }
        }
    }

    /// Two hundred thousand operators of every kind leave resident memory where it was. In a process of its own, as other
    /// tests take and give memory at the same time.
    @Test(.enabled(if: ResidentMemory.isKnown)) func operatorsDoNotLeak() async {
        await #expect(processExitsWith: .success) {
            let x = try Tensor.ones([64])
            let leaf = try Tensor.ones([64]).requiringGrad()
            func work(_ rounds: Int) throws {
                for _ in 0..<rounds {
                    let y = try (x + 1) * x
                    _ = try y[0..<8].sum()
                    _ = try y.topk(3)
                    _ = try y.split(16)
                    try (leaf * y).sum().backward()
                    try leaf.setGrad(nil)
                    _ = try? y.matmul(Tensor.ones([3]))
                    _ = try withCustomGradient("same", of: [leaf]) {
                        [try leaf * 1]
                    } backward: {
                        $0
                    }
                }
            }
            try work(2_000)
            let before = ResidentMemory.bytes
            // At least eight operators a round.
            try work(25_000)
            let growth = ResidentMemory.bytes - before
            #expect(abs(growth) < 5_000_000, "resident memory grew by \(growth) bytes")
        }
    }

    /// Blocks of large tensors are used again, up to the limit and no further; in a process of its own.
    @Test(.enabled(if: ResidentMemory.isKnown)) func memoryOfLargeTensorsIsKept() async {
        await #expect(processExitsWith: .success) {
            let size = 64 << 20
            func address(_ bytes: Int) throws -> UnsafeMutableRawPointer {
                try Tensor.ones([bytes], dtype: .uint8).withPointer { $0 }
            }
            func growth(_ count: Int) throws -> Int {
                let before = ResidentMemory.bytes
                do {
                    let tensors = try (0..<count).map { _ in try Tensor.ones([size], dtype: .uint8) }
                    withExtendedLifetime(tensors) {}
                }
                return ResidentMemory.bytes - before
            }
            // Before the first call the process's allocator is as it was: linking the library changes nothing.
            #expect(try growth(3) < size / 2)
            try Runtime.keepMemory()
            let first = try address(size)
            #expect(try address(size) == first)
            let part = try address(size / 4)
            #expect(first <= part && part < first + size, "a part of a larger block was not used")
            do {
                let halves = try (0..<2).map { _ in try Tensor.ones([size / 2], dtype: .uint8) }
                for half in halves {
                    let data = try half.withPointer { $0 }
                    #expect(first <= data && data < first + size, "two halves were not cut from one block")
                }
            }
            #expect(try address(size) == first, "two halves were not joined")
            try Runtime.keepMemory(bytes: 0)
            #expect(try growth(3) < size / 2)
            try Runtime.keepMemory(bytes: 2 * size)
            let kept = try growth(4)
            #expect(kept > size * 3 / 2 && kept < size * 5 / 2, "\(kept) bytes are kept")
            var before = ResidentMemory.bytes
            try Runtime.releaseKeptMemory()
            #expect(before - ResidentMemory.bytes > size * 3 / 2)
            #expect(try growth(4) > size * 3 / 2, "nothing is kept after a release")
            before = ResidentMemory.bytes
            try Runtime.keepMemory(bytes: 0)
            #expect(before - ResidentMemory.bytes > size * 3 / 2)
        }
    }
}
