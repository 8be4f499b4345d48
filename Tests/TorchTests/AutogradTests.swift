import Testing
import Torch

@Suite struct AutogradTests {
    @Test func gradientsAccumulateUntilForgotten() throws {
        let x = try Tensor([1, 2, 3] as [Double]).requiringGrad()
        try (x * x).sum().backward()
        try (x * x).sum().backward()
        #expect(try x.grad?.array(of: Double.self) == [4, 8, 12])
        try x.setGrad(nil)
        #expect(x.grad == nil)
    }

    @Test func nothingIsRecordedInsideTheScope() throws {
        let x = try Tensor([2] as [Float]).requiringGrad()
        let y = try withoutGradients { try x * 3 }
        #expect(!y.requiresGrad)
        #expect(isRecordingGradients)
        struct Stop: Error {}
        #expect(throws: Stop.self) { try withoutGradients { throw Stop() } }
        #expect(isRecordingGradients)
        #expect(try !(x * 2).detached().requiresGrad)
    }

    @Test func gradientsOfSomeInputsOnly() throws {
        let x = try Tensor([3] as [Double]).requiringGrad()
        let y = try Tensor([5] as [Double]).requiringGrad()
        let unrelated = try Tensor([1] as [Double]).requiringGrad()
        let gradients = try Tensor.gradients(of: [x * y], withRespectTo: [x, unrelated])
        #expect(try gradients[0]?.item() == 5)
        #expect(gradients[1] == nil)
        #expect(x.grad == nil && y.grad == nil)
    }

    @Test func secondDerivatives() throws {
        let x = try Tensor([3] as [Double]).requiringGrad()
        let first = try Tensor.gradients(of: [x.power(3)], withRespectTo: [x], createGraph: true)
        let second = try Tensor.gradients(of: [#require(first[0])], withRespectTo: [x])
        #expect(try second[0]?.item() == 18)
    }

    @Test func mistakesAreErrors() throws {
        let x = try Tensor([1, 2] as [Float]).requiringGrad()
        #expect(throws: TorchError.self) { try (x * 2).backward() }
        #expect(throws: TorchError.self) { try Tensor([1.0] as [Float]).backward() }
        #expect(throws: TorchError.self) { try Tensor([1, 2]).requiringGrad() }
        #expect(throws: TorchError.self) { try x.setGrad(Tensor.ones([3])) }
        let loss = try (x * x).sum()
        try loss.backward()
        #expect(throws: TorchError.self) { try loss.backward() }
    }

    // MARK: Backward passes written in Swift

    /// x^3 with its own backward pass.
    private func cube(_ x: Tensor) throws -> Tensor {
        try withCustomGradient("cube", of: [x]) {
            [try x * x * x]
        } backward: { gradients in
            [try gradients[0].map { try $0 * x * x * 3 }]
        }[0]
    }

    @Test func customGradientsFlow() throws {
        let x = try Tensor([1, 2, 3] as [Double]).requiringGrad()
        try (cube(x) * 2).sum().backward()
        #expect(try x.grad?.array(of: Double.self) == [6, 24, 54])
        // Nothing is recorded, and nothing kept, when no input wants a gradient.
        #expect(try !cube(Tensor([1] as [Double])).requiresGrad)
    }

    @Test func customGradientsPassTheCheckByFiniteDifferences() throws {
        let x = try Tensor.randomNormal([4], dtype: .float64, generator: Generator(seed: 1))
        try expectGradients(of: [x]) { try self.cube($0[0]).sum() }
        // Two inputs, two outputs, one of which stays unused.
        let y = try Tensor.randomNormal([4], dtype: .float64, generator: Generator(seed: 2))
        try expectGradients(of: [x, y]) { inputs in
            let (a, b) = (inputs[0], inputs[1])
            let outputs = try withCustomGradient("product", of: [a, b]) {
                [try a * b, try a + b]
            } backward: { gradients in
                #expect(gradients[1] == nil)
                return [try gradients[0].map { try $0 * b }, try gradients[0].map { try $0 * a }]
            }
            return try (outputs[0] * outputs[0]).sum()
        }
    }

    @Test func whatACustomBackwardThrowsComesOut() throws {
        struct Broken: Error, CustomStringConvertible { let description = "kaput" }
        let x = try Tensor([1] as [Float]).requiringGrad()
        let y = try withCustomGradient("broken", of: [x]) {
            [try x * 1]
        } backward: { _ in
            throw Broken()
        }
        let error = try #require(throws: TorchError.self) { try y[0].sum().backward() }
        #expect(error.description.contains("kaput"))
        let wrong = try withCustomGradient("wrong", of: [x]) {
            [try x * 1]
        } backward: { _ in
            []
        }
        #expect(throws: TorchError.self) { try wrong[0].sum().backward() }
    }

    /// Passes over one graph from two threads, one of which frees it: each gives the right gradients or says that the
    /// graph was freed, and what the backward pass needs outlives it.
    @Test func passesOverOneGraphFromSeveralThreads() async throws {
        final class Factor: Sendable {
            let value = 3.0
        }
        for _ in 0..<300 {
            let x = try Tensor([1, 2] as [Double]).requiringGrad()
            let y = try {
                let factor = Factor()
                return try withCustomGradient("triple", of: [x]) {
                    [try x * factor.value]
                } backward: { gradients in
                    [try gradients[0].map { try $0 * factor.value }]
                }[0]
            }()
            let loss = try y.sum()
            await withTaskGroup(of: Void.self) { group in
                for retains in [true, false] {
                    group.addTask {
                        do {
                            let gradients = try Tensor.gradients(
                                of: [loss], withRespectTo: [x], retainGraph: retains)
                            #expect(try gradients[0]?.array(of: Double.self) == [3, 3])
                        } catch {
                            #expect("\(error)".contains("freed"))
                        }
                    }
                }
            }
        }
    }

    @Test func customBackwardIsReleased() throws {
        final class Witness: Sendable {}
        weak var watched: Witness?
        do {
            let witness = Witness()
            watched = witness
            let x = try Tensor([1] as [Float]).requiringGrad()
            let y = try withCustomGradient("kept", of: [x]) {
                [try x * 1]
            } backward: { gradients in
                withExtendedLifetime(witness) { gradients }
            }
            try y[0].sum().backward()
        }
        #expect(watched == nil)
    }

    // MARK: Finite differences

    @Test func layersPassTheCheckByFiniteDifferences() throws {
        let generator = try Generator(seed: 3)
        let store = ParameterStore(dtype: .float64)
        let attention = try MultiHeadAttention(store.root / "attention", width: 4, heads: 2)
        let norm = try LayerNorm(store.root / "norm", width: 4)
        try store.initialize(seed: 5)
        let tokens = try Tensor.randomNormal([2, 3, 4], dtype: .float64, generator: generator)
        let weights = try Tensor.randomNormal([2, 3, 4], dtype: .float64, generator: generator)
        try expectGradients(of: [tokens]) { try (attention(norm($0[0])) * weights).sum() }
        let image = try Tensor.randomNormal([1, 2, 4, 4], dtype: .float64, generator: generator)
        let kernel = try Tensor.randomNormal([3, 2, 3, 3], dtype: .float64, generator: generator)
        try expectGradients(of: [image, kernel]) {
            try $0[0].conv2d($0[1], padding: 1).gelu().interpolated(to: 6).square().sum()
        }
    }

    /// Compares the backward pass with central differences, in double precision.
    private func expectGradients(
        of inputs: [Tensor], sourceLocation: SourceLocation = #_sourceLocation,
        _ loss: ([Tensor]) throws -> Tensor
    ) throws {
        let leaves = try inputs.map { try $0.clone().requiringGrad() }
        try loss(leaves).backward()
        let step = 1e-6
        for (position, input) in inputs.enumerated() {
            let computed = try #require(leaves[position].grad).array(of: Double.self)
            let numbers = try input.array(of: Double.self)
            for index in numbers.indices {
                func shifted(by distance: Double) throws -> Double {
                    var moved = numbers
                    moved[index] += distance
                    var arguments = inputs
                    arguments[position] = try Tensor(moved, shape: input.shape)
                    return try withoutGradients { try loss(arguments).item() }
                }
                let expected = try (shifted(by: step) - shifted(by: -step)) / (2 * step)
                #expect(
                    abs(computed[index] - expected) <= 1e-6 + 1e-5 * abs(expected),
                    "input \(position), element \(index): \(computed[index]), by differences \(expected)",
                    sourceLocation: sourceLocation)
            }
        }
    }
}
