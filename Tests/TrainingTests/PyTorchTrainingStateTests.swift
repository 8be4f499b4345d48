import FVLM
import FixtureSupport
import Foundation
import Testing
import Torch
import TorchFixtures
import WeightFiles

@testable import Training

@Suite struct PyTorchTrainingStateTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A checkpoint that is written, read and used goes on exactly as the optimizer that was not interrupted.
    @Test func optimizerStateComesBack() throws {
        func network() throws -> (ParameterStore, AdamW) {
            let store = ParameterStore()
            _ = try Linear(store.root / "a", inputs: 3, outputs: 2)
            _ = try Linear(store.root / "b", inputs: 2, outputs: 1)
            try store.initialize(seed: 3)
            return (store, try AdamW([ParameterGroup(store.parameters)], learningRate: 0.1))
        }
        func step(_ store: ParameterStore, _ optimizer: AdamW) throws {
            for (number, parameter) in store.parameters.enumerated() {
                try parameter.value.setGrad(Tensor.full(parameter.shape, Double(number) - 1.5))
            }
            try optimizer.step()
        }
        let (store, optimizer) = try network()
        for _ in 0..<3 { try step(store, optimizer) }
        let path = folder.file("training.pth")
        let names = store.parameters.map(\.name)
        try PyTorchTrainingFile.write(
            epoch: 4, model: store.stored { "model." + $0 }, optimizer: optimizer.state(), parameters: names,
            learningRate: 0.1, scheduleSteps: 3, to: path)

        let checkpoint = try PyTorchTrainingState(contentsOf: path)
        #expect(checkpoint.epoch == 4 && checkpoint.scheduleSteps == 3 && checkpoint.learningRates == [0.1])
        let (other, otherOptimizer) = try network()
        try other.load(checkpoint.model { $0.hasPrefix("model.") ? String($0.dropFirst(6)) : nil })
        try otherOptimizer.load(state: #require(try checkpoint.optimizerState(parameters: names)))
        try step(store, optimizer)
        try step(other, otherOptimizer)
        for (a, b) in zip(store.parameters, other.parameters) {
            #expect(try a.value.array(of: Float.self) == b.value.array(of: Float.self))
        }
        #expect(
            message { _ = try checkpoint.optimizerState(parameters: ["a.weight"]) }.contains(
                "only 1 names were given"))
    }

    // MARK: Going on

    private func trainer(
        _ detector: ToyDetector, steps: Int = 9, sgd: Bool = false, source: SquareSource = .init()
    ) throws -> Trainer {
        let groups = [ParameterGroup(detector.parameters.trainableParameters, learningRate: 0.01)]
        let optimizer: any Optimizer =
            sgd ? try SGD(groups, learningRate: 0.01, momentum: 0.9) : try AdamW(groups, learningRate: 0.01)
        return try Trainer(
            detector.parameters, source: source, optimizer: optimizer,
            configuration: .toy(steps: steps, batchSize: 5, seed: 3) {
                $0.optimizer.averageDecay = 0.9
                $0.run.isDeterministic = true
            }, losses: detector.losses)
    }

    /// Trains four steps and writes what a PyTorch program would: under its own names, the optimizer's parameters in the
    /// order of the model's.
    private func written(
        sgd: Bool = false, parameters: ((ParameterStore) -> [Parameter])? = nil,
        model change: (inout [StoredTensor]) -> Void = { _ in }
    ) throws -> (path: String, trainer: Trainer) {
        let detector = try ToyDetector()
        let trainer = try trainer(detector, steps: 4, sgd: sgd)
        try trainer.run()
        let path = folder.file("training.pth")
        var model = try detector.parameters.stored { "net." + $0 }
        change(&model)
        let order =
            parameters?(detector.parameters) ?? detector.parameters.parameters.filter { $0.role == .weight }
        try PyTorchTrainingFile.write(
            epoch: 1, model: model,
            optimizer: trainer.optimizer.state().map {
                var tensor = $0
                tensor.name = $0.name.replacing("/", with: "/net.")
                return tensor
            }, parameters: order.map { "net." + $0.name }, learningRate: 0.01, scheduleSteps: 4, to: path)
        return (path, trainer)
    }

    private func bits(_ tensors: [StoredTensor]) -> [String: [UInt8]] {
        Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0.withUnsafeBytes { Array($0) }) })
    }

    /// Weights, statistics, the optimizer's memory, the step and the place in the data; whether the program's optimizer got
    /// the frozen part too or not.
    @Test(arguments: [false, true], [false, true])
    func aTrainerGoesOn(_ sgd: Bool, onlyTrainable: Bool) throws {
        let (path, first) = try written(
            sgd: sgd, parameters: onlyTrainable ? { $0.trainableParameters } : nil)
        let detector = try ToyDetector(seed: 77)
        let second = try trainer(detector, sgd: sgd)
        try second.resume(from: PyTorchTrainingState(contentsOf: path)) { ["net." + $0] }
        #expect(try bits(detector.parameters.stored()) == bits(first.parameters.stored()))
        #expect(try bits(second.optimizer.state()) == bits(first.optimizer.state()))
        // Averages begin with the weights.
        let average = try bits(#require(second.average).stored())
        let weights = try bits(
            detector.parameters.trainableParameters.map { try $0.value.stored(named: $0.name) })
        #expect(average == weights)
        var (steps, notes): ([Int], [String]) = ([], [])
        try second.run { event in
            if case .started(let start) = event { (steps, notes) = ([start.step], start.notes) }
        }
        #expect(steps == [4] && second.step == 9)
        #expect(notes.count == 1 && notes[0].contains("after step 4"), "\(notes)")
        // 4 and 5 steps of 5 examples of 12.
        #expect(try second.contents().state.position == LoaderPosition(epoch: 3, index: 9))
    }

    /// Whatever does not fit is said by name, and what is left out is among the notes.
    @Test func whatDoesNotFitIsSaid() throws {
        func reason(
            _ path: String, steps: Int = 9, sgd: Bool = false,
            naming name: @escaping (String) -> String = { "net." + $0 }
        ) throws -> String {
            let second = try trainer(ToyDetector(seed: 77), steps: steps, sgd: sgd)
            return message { try second.resume(from: PyTorchTrainingState(contentsOf: path)) { [name($0)] } }
        }
        var (path, _) = try written()
        #expect(
            try reason(path, steps: 4).contains("has made 4 steps, but the run has only 4: raise run.steps")
        )
        #expect(try reason(path, sgd: true).contains("exp_avg"))
        #expect(try reason(path) { "net." + ($0 == "head.bias" ? "other" : $0) }.contains("head.bias"))
        #expect(try reason(path) { $0 }.contains("contains no optimizer state"))

        (path, _) = try written(parameters: { $0.trainableParameters.reversed() })
        #expect(try reason(path).contains("and the parameters in order have different shapes"))
        (path, _) = try written(model: { $0.removeAll { $0.name == "net.norm.running_var" } })
        #expect(try reason(path).contains("1 missing: norm.running_var"))
        (path, _) = try written(model: { model in
            model[model.firstIndex { $0.name == "net.head.weight" } ?? 0].name = "net.head.kernel"
        })
        #expect(try reason(path).contains("1 missing: head.weight"))
        (path, _) = try written(model: { model in
            var spare = model[0]
            spare.name = "net.spare.running_mean"
            model.append(spare)
        })
        let second = try trainer(ToyDetector(seed: 77))
        try second.resume(from: PyTorchTrainingState(contentsOf: path)) { ["net." + $0] }
        var notes: [String] = []
        try second.run { if case .started(let start) = $0 { notes = start.notes } }
        #expect(notes.contains("1 of its weights are not used here: net.spare.running_mean"), "\(notes)")
    }

    /// A file that PyTorch wrote: the names of the parameters leave out what a norm counts.
    @Test func theOrderOfAFileThatPyTorchWrote() throws {
        let path = try Fixtures.case("weightfiles", "forms").path("checkpoint.pth")
        let checkpoint = try PyTorchTrainingState(contentsOf: path)
        let keys = try #require(try checkpoint.optimizerKeys { _ in true })
        #expect(keys == ["0.weight", "0.bias", "1.weight", "1.bias"])
        let state = try #require(try checkpoint.optimizerState(parameters: keys))
        #expect(try state.tensor(named: "exp_avg/0.weight").shape == [2, 3])
        #expect(state.keys.count == 12 && checkpoint.modelKeys.count == 7)
    }

    @Test func aBareStateDictIsToldApart() throws {
        let path = folder.file("bare.pth")
        try PyTorchArchive.write([Tensor.zeros([2]).stored(named: "w")], to: path)
        #expect(
            message { _ = try PyTorchTrainingState(contentsOf: path) }.contains(
                "no dictionary 'model' (its keys: w)")
        )
    }
}
