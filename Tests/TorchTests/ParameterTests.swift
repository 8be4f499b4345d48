import Foundation
import Testing
import Torch

/// Names, loading, freezing.
@Suite struct ParameterTests {
    private func network(_ store: ParameterStore, batchNorm: Bool = true) throws -> Sequential {
        let scope = store.root / "stem"
        var layers: [any UnaryLayer] = [
            try Conv2d(scope / "conv", inputs: 2, outputs: 3, kernel: 3, padding: 1)
        ]
        if batchNorm { layers.append(try BatchNorm2d(scope / "norm", channels: 3)) }
        layers.append(try Conv2d(store.root / "head" / 0, inputs: 3, outputs: 1, kernel: 1))
        return Sequential(layers)
    }

    private func input() throws -> Tensor {
        try Tensor.randomNormal([2, 2, 5, 5], generator: Generator(seed: 9))
    }

    @Test func namesAreTheCheckpointsKeys() throws {
        let store = ParameterStore()
        _ = try network(store)
        #expect(
            store.parameters.map(\.name) == [
                "stem.conv.weight", "stem.conv.bias", "stem.norm.weight", "stem.norm.bias",
                "stem.norm.running_mean", "stem.norm.running_var", "stem.norm.num_batches_tracked",
                "head.0.weight", "head.0.bias",
            ])
        #expect(store.weightCount() == 54 + 3 + 3 + 3 + 3 + 1)
        #expect(store.weightCount(under: "head") == 4)
        // A path is not a prefix of letters.
        #expect(store.parameters(under: "hea").isEmpty)
        #expect(throws: TorchError.self) {
            try Conv2d(store.root / "head" / 0, inputs: 1, outputs: 1, kernel: 1)
        }
    }

    @Test func valuesThatWereNeverSetAreAnError() throws {
        let store = ParameterStore()
        let network = try network(store)
        let error = try #require(throws: TorchError.self) { try network(input()) }
        #expect(error.description.contains("stem.conv.weight"))
        #expect(error.description.contains("has no values yet"))
        #expect(throws: TorchError.self) { try store.stored() }
    }

    @Test func initialValuesFollowFromSeedAndName() throws {
        let (first, second) = (ParameterStore(), ParameterStore())
        _ = try network(first)
        _ = try network(second, batchNorm: false)
        try first.initialize(seed: 7)
        try second.initialize(seed: 7)
        for parameter in second.parameters {
            #expect(try #require(first[parameter.name]).value.isEqual(to: parameter.value))
        }
        try second.initialize(seed: 8)
        let name = "head.0.weight"
        #expect(try !#require(first[name]).value.isEqual(to: #require(second[name]).value))
    }

    @Test func loadingListsEverythingThatDiffers() throws {
        let (source, target) = (ParameterStore(), ParameterStore())
        _ = try network(source)
        _ = try network(target)
        try source.initialize(seed: 1)
        var tensors = try source.stored().filter { $0.name != "head.0.bias" }
        tensors.append(try Tensor.ones([2]).stored(named: "other.weight"))
        let place = try #require(tensors.firstIndex { $0.name == "stem.conv.bias" })
        tensors[place] = try Tensor.ones([4]).stored(named: "stem.conv.bias")
        let mismatch = try #require(throws: WeightMismatch.self) {
            try target.load(StoredTensors(tensors, origin: "some file"))
        }
        #expect(mismatch.missing == ["head.0.bias"])
        #expect(mismatch.unexpected == ["other.weight"])
        #expect(
            mismatch.wrongShapes.map { "\($0.name) \($0.stored) \($0.expected)" } == [
                "stem.conv.bias [4] [3]"
            ])
        #expect(mismatch.description.contains("some file: does not fit the network: 1 missing: head.0.bias"))
        // Nothing was loaded.
        #expect(target.parameters.allSatisfy { !$0.hasValue })
        // What is left out on purpose must be said.
        tensors[place] = try Tensor.ones([3]).stored(named: "stem.conv.bias")
        try target.initialize(seed: 3, under: "head")
        try target.load(
            StoredTensors(tensors), ignoring: { $0.hasPrefix("other.") }, keeping: { $0 == "head.0.bias" })
        #expect(target.parameters.allSatisfy { $0.hasValue })
    }

    /// The origin's defect 16: names behind `model.`, none of which was found.
    @Test func aPrefixIsRecognized() throws {
        let (source, target) = (ParameterStore(), ParameterStore())
        _ = try network(source)
        _ = try network(target)
        try source.initialize(seed: 1)
        let prefixed = try StoredTensors(source.stored { "model." + $0 })
        let mismatch = try #require(throws: WeightMismatch.self) { try target.load(prefixed) }
        #expect(mismatch.hint?.contains("under the prefix 'model.'") == true)
        try target.load(prefixed, key: { "model." + $0 })
        #expect(try target.stored().map(\.name) == source.stored().map(\.name))
    }

    @Test func aCountOfBatchesMayBeMissing() throws {
        let (source, target) = (ParameterStore(), ParameterStore())
        _ = try network(source)
        _ = try network(target)
        try source.initialize(seed: 1)
        let tensors = try source.stored().filter { !$0.name.hasSuffix("num_batches_tracked") }
        try target.load(StoredTensors(tensors))
        #expect(try target["stem.norm.num_batches_tracked"]?.value.item() == 0)
    }

    @Test func trainingDoesNotWriteIntoTheSource() throws {
        let (source, target) = (ParameterStore(), ParameterStore())
        _ = try network(source)
        let network = try network(target)
        try source.initialize(seed: 1)
        let weights = try StoredTensors(source.stored())
        try target.load(weights)
        let before = try source.parameters.map { try $0.value.clone() }
        target.train()
        let optimizer = try SGD([ParameterGroup(target.trainableParameters)], learningRate: 0.1)
        try network(input()).square().sum().backward()
        try optimizer.step()
        for (parameter, value) in zip(source.parameters, before) {
            #expect(try parameter.value.isEqual(to: value), "\(parameter.name)")
        }
    }

    @Test func frozenMeansFrozen() throws {
        let (source, store) = (ParameterStore(), ParameterStore())
        _ = try network(source)
        let network = try network(store)
        try source.initialize(seed: 1)
        try store.load(StoredTensors(source.stored()))
        try store.freeze(under: "stem")
        store.train()
        #expect(store.trainableParameters.map(\.name) == ["head.0.weight", "head.0.bias"])
        #expect(store.trainableWeightCount == 4)
        let before = try store.parameters.map { try $0.value.clone() }
        let optimizer = try AdamW([ParameterGroup(store.parameters)], learningRate: 0.1)
        for _ in 0..<3 {
            try network(input()).square().sum().backward()
            try optimizer.step()
            try optimizer.clearGradients()
        }
        for (parameter, value) in zip(store.parameters, before) {
            let stays = try parameter.value.isEqual(to: value)
            #expect(stays == parameter.name.hasPrefix("stem"), "\(parameter.name)")
        }
        try store.unfreeze(under: "stem")
        try network(input()).square().sum().backward()
        #expect(store["stem.conv.weight"]?.grad != nil)
        #expect(try store["stem.norm.num_batches_tracked"]?.value.item() == 1)
        #expect(throws: TorchError.self) { try store.freeze(under: "neck") }
    }

    @Test func frozenWeightsLieInTheFile() throws {
        let (source, store) = (ParameterStore(), ParameterStore())
        _ = try network(source)
        _ = try network(store)
        try source.initialize(seed: 1)
        let tensors = try source.stored()
        try store.loadFrozen(StoredTensors(tensors))
        let parameter = try #require(store["stem.conv.weight"])
        let stored = try #require(tensors.first { $0.name == parameter.name })
        #expect(try parameter.value.withPointer { $0 } == stored.pointer)
        #expect(parameter.isFrozen)
        try store.unfreeze()
        #expect(try parameter.value.withPointer { $0 } != stored.pointer)
        #expect(try parameter.value.requiresGrad)
    }

    @Test func conversionKeepsTrainingPossible() throws {
        let store = ParameterStore()
        let network = try network(store)
        try store.initialize(seed: 1)
        try store.convert(dtype: .bfloat16)
        #expect(try network(input().to(.bfloat16)).dtype == .bfloat16)
        #expect(try store["stem.norm.num_batches_tracked"]?.value.dtype == .int64)
        try network(input().to(.bfloat16)).sum().backward()
        #expect(try store["head.0.weight"]?.grad?.dtype == .bfloat16)
    }

    // MARK: Optimizers

    @Test func optimizersRefuseNonsense() throws {
        let store = ParameterStore()
        _ = try network(store)
        try store.initialize(seed: 1)
        let group = ParameterGroup(store.trainableParameters)
        #expect(throws: TorchError.self) { try SGD([group], learningRate: -1) }
        #expect(throws: TorchError.self) { try SGD([group], learningRate: 1, nesterov: true) }
        #expect(throws: TorchError.self) { try SGD([group, group], learningRate: 1) }
        #expect(throws: TorchError.self) { try AdamW([group], learningRate: 1, betas: (0.9, 1)) }
        let optimizer = try AdamW([group], learningRate: 1)
        let foreign = try Tensor.ones([3]).stored(named: "exp_avg/elsewhere.weight")
        let mismatch = try #require(throws: WeightMismatch.self) {
            try optimizer.load(state: StoredTensors([foreign]))
        }
        #expect(mismatch.unexpected == ["exp_avg/elsewhere.weight"])
        let half = try Tensor.ones([1]).stored(named: "exp_avg/head.0.bias")
        let incomplete = try #require(throws: WeightMismatch.self) {
            try optimizer.load(state: StoredTensors([half]))
        }
        #expect(incomplete.missing == ["exp_avg_sq/head.0.bias", "step/head.0.bias"])
    }

    @Test func groupsHaveTheirOwnRates() throws {
        let store = ParameterStore()
        let a = try store.root.weight("a", [1], .ones)
        let b = try store.root.weight("b", [1], .ones)
        try store.initialize(seed: 0)
        let optimizer = try SGD(
            [ParameterGroup([a]), ParameterGroup([b], learningRate: 0.5, weightDecay: 1)], learningRate: 0.1)
        try (a.value + b.value).sum().backward()
        try optimizer.step(learningRateFactor: 0.5)
        #expect(try abs(a.value.item() - 0.95) < 1e-6)
        #expect(try abs(b.value.item() - 0.5) < 1e-6)
    }

    @Test func clippingKeepsDirectionsAndReportsNonsense() throws {
        let store = ParameterStore()
        let a = try store.root.weight("a", [2], .ones)
        try store.initialize(seed: 0)
        try a.value.setGrad(Tensor([3, 4] as [Float]))
        #expect(try clipGradients(of: [a], maximumNorm: 10) == 5)
        #expect(try a.grad?.array(of: Float.self) == [3, 4])
        #expect(try clipGradients(of: [a], maximumNorm: 1) == 5)
        #expect(try #require(a.grad).isClose(to: Tensor([0.6, 0.8] as [Float])).all().item() == 1)
        try clipGradients(of: [a], maximumMagnitude: 0.7)
        #expect(try #require(a.grad).isClose(to: Tensor([0.6, 0.7] as [Float])).all().item() == 1)
        try a.value.setGrad(Tensor([Float.nan, 4]))
        let error = try #require(throws: TorchError.self) { try clipGradients(of: [a], maximumNorm: 1) }
        #expect(error.description.contains("not finite: a"))
        try a.value.setGrad(Tensor([3, 4] as [Float]))
        #expect(try clipGradients(of: [a], maximumNorm: 1, knownNorm: 5) == 5)
        #expect(try #require(a.grad).isClose(to: Tensor([0.6, 0.8] as [Float])).all().item() == 1)
        #expect(throws: TorchError.self) { try clipGradients(of: [a], maximumNorm: -1) }
        #expect(throws: TorchError.self) { try clipGradients(of: [a], maximumMagnitude: .nan) }
    }

    /// A rate that is negative climbs, a momentum of one never forgets, and a factor that is mistyped ruins a night's work:
    /// each is an error that names it with its value.
    @Test func ratesOutOfRangeAreNamed() throws {
        let groups: [ParameterGroup] = []
        let mistakes: [(String, () throws -> Void)] = [
            ("learning rate is -0.1", { _ = try SGD(groups, learningRate: -0.1) }),
            ("learning rate is nan", { _ = try AdamW(groups, learningRate: .nan) }),
            ("learning rate is inf", { _ = try AdamW(groups, learningRate: .infinity) }),
            ("momentum is 7.0", { _ = try SGD(groups, learningRate: 0.1, momentum: 7) }),
            ("momentum is 1.0", { _ = try SGD(groups, learningRate: 0.1, momentum: 1) }),
            ("momentum is -0.5", { _ = try SGD(groups, learningRate: 0.1, momentum: -0.5) }),
            ("dampening is 2.0", { _ = try SGD(groups, learningRate: 0.1, dampening: 2) }),
            ("weight decay is -1.0", { _ = try SGD(groups, learningRate: 0.1, weightDecay: -1) }),
            ("weight decay is -1.0", { _ = try AdamW(groups, learningRate: 0.1, weightDecay: -1) }),
            ("epsilon is -1.0", { _ = try AdamW(groups, learningRate: 0.1, epsilon: -1) }),
            ("first beta is 1.5", { _ = try AdamW(groups, learningRate: 0.1, betas: (1.5, 0.9)) }),
            ("second beta is 1.0", { _ = try AdamW(groups, learningRate: 0.1, betas: (0.9, 1)) }),
            (
                "learning rate of a group is -2.0",
                { _ = try SGD([ParameterGroup([], learningRate: -2)], learningRate: 0.1) }
            ),
            (
                "weight decay of a group is -2.0",
                { _ = try AdamW([ParameterGroup([], weightDecay: -2)], learningRate: 0.1) }
            ),
            (
                "minimum ratio is -3.0",
                { _ = try LearningRateSchedule(decay: .cosine(totalSteps: 9, minimumRatio: -3)) }
            ),
            (
                "first factor of the warm-up is -2.0",
                { _ = try LearningRateSchedule(warmup: .init(steps: 2, startFactor: -2)) }
            ),
            ("steps of the warm-up are -2", { _ = try LearningRateSchedule(warmup: .init(steps: -2)) }),
            (
                "factor of the decay is -1.0",
                { _ = try LearningRateSchedule(decay: .steps(at: [1], factor: -1)) }
            ),
            (
                "total steps are -1",
                { _ = try LearningRateSchedule.warmupCosine(warmupSteps: 0, totalSteps: -1) }
            ),
        ]
        for (text, mistake) in mistakes {
            let error = try #require(throws: TorchError.self, "\(text)") { try mistake() }
            #expect(error.reason.contains(text), "\(error)")
        }
    }

    /// Switching between training and evaluation while other tasks look: the switches are their own.
    @Test func storesAreUsedFromSeveralTasks() async throws {
        let store = ParameterStore()
        let norm = try BatchNorm2d(store.root / "norm", channels: 4)
        try store.initialize(seed: 0)
        let input = try Tensor.ones([2, 4, 3, 3])
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<6 {
                group.addTask {
                    for round in 0..<100 {
                        switch task {
                        case 0: store.train(round % 2 == 0)
                        case 1: try round % 2 == 0 ? store.freeze() : store.unfreeze()
                        case 2: try store.convert(format: .contiguous)
                        default: #expect(try withoutGradients { try norm(input) }.shape == [2, 4, 3, 3])
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}
