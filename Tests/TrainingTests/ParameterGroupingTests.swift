import Testing
import Torch

@testable import Training

@Suite struct ParameterGroupingTests {
    private func decaying(_ grouping: ParameterGrouping) throws -> Set<String> {
        let detector = try ToyDetector()
        _ = try detector.parameters.root.weight("temperature", [1], .ones)
        let groups = try grouping.groups(of: detector.parameters, learningRate: 0.1, weightDecay: 0.01)
        #expect(groups.allSatisfy { $0.learningRate == 0.1 })
        return Set(groups.filter { $0.weightDecay == 0.01 }.flatMap(\.parameters).map(\.name))
    }

    @Test func whatDecays() throws {
        let weights: Set = ["conv.weight", "head.weight"]
        #expect(try decaying(.init()) == weights.union(["conv.bias", "head.bias"]))
        #expect(try decaying(.init(exemptsBiases: true)) == weights)
        #expect(
            try decaying(.init(exemptsNorms: false, exemptsBiases: true))
                == weights.union(["norm.weight", "norm.bias"]))
        #expect(
            try decaying(.init(exemptsBiases: true, exemptsTemperatures: false))
                == weights.union(["temperature"]))
    }

    @Test func ratesByPath() throws {
        let detector = try ToyDetector()
        let groups = try ParameterGrouping(learningRateFactors: ["head": 10, "head.bias": 2])
            .groups(of: detector.parameters, learningRate: 0.1, weightDecay: 0)
        let rates = groups.reduce(into: [String: Double]()) { rates, group in
            for parameter in group.parameters { rates[parameter.name] = group.learningRate }
        }
        #expect(rates["head.weight"] == 1 && rates["head.bias"] == 0.2 && rates["conv.weight"] == 0.1)
        #expect(rates["trunk.weight"] == nil)
        #expect(
            message {
                _ = try ParameterGrouping(learningRateFactors: ["trunk": 2])
                    .groups(of: detector.parameters, learningRate: 0.1, weightDecay: 0)
            }.contains("'trunk'"))
    }

    @Test func averagesAreAsComputedByHand() throws {
        let store = ParameterStore()
        let weight = try store.root.weight("w", [1], .ones)
        try store.initialize(seed: 0)
        let average = try MovingAverage(of: store, decay: 0.5)
        // Decays 1/10, 2/11, 3/12, at most 0.5.
        var expected = 1.0
        for (step, decay) in [1.0 / 10, 2.0 / 11, 3.0 / 12].enumerated() {
            try withoutGradients { try weight.value.fillInPlace(Double(step) + 2) }
            try average.update()
            expected = decay * expected + (1 - decay) * (Double(step) + 2)
        }
        #expect(abs(try Tensor(average.stored()[0]).item() - expected) < 1e-6)
        struct Failure: Error {}
        #expect(throws: Failure.self) {
            try average.applied {
                #expect(abs(try weight.value.item() - expected) < 1e-6)
                throw Failure()
            }
        }
        #expect(try weight.value.item() == 4)
    }
}
