import FixtureSupport
import Foundation
import Testing
import Torch
import WeightFiles

@testable import Training

@Suite struct NotebookCheckpointTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A checkpoint that is written, read and used goes on exactly as the optimiser that was not interrupted.
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
        try NotebookCheckpoint.write(
            epoch: 4, model: store.stored { "model." + $0 }, optimizer: optimizer.state(), parameters: names,
            learningRate: 0.1, scheduleSteps: 3, to: path)

        let checkpoint = try NotebookCheckpoint(path: path)
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

    @Test func aBareStateDictIsToldApart() throws {
        let path = folder.file("bare.pth")
        try PyTorchArchive.write([Tensor.zeros([2]).stored(named: "w")], to: path)
        #expect(
            message { _ = try NotebookCheckpoint(path: path) }.contains("no dictionary 'model' (its keys: w)")
        )
    }

    @Test func exportUnderOtherNames() throws {
        let store = ParameterStore()
        _ = try Linear(store.root / "box", inputs: 3, outputs: 2)
        try store.initialize(seed: 3)
        for ending in ["safetensors", "pth"] {
            let path = folder.file("head.\(ending)")
            try WeightExport.write(store, to: path) { "roi_heads.\($0)" }
            let prefix = ending == "pth" ? "model." : ""
            #expect(
                try WeightFile.open(path).keys.sorted() == [
                    "\(prefix)roi_heads.box.bias", "\(prefix)roi_heads.box.weight",
                ])
        }
        #expect(message { try WeightExport.write(store, to: folder.file("a.bin")) }.contains("must end in"))
        #expect(
            message { try WeightExport.write(store, to: folder.file("a.pth")) { _ in "same" } }.contains(
                "both be called same"))
    }
}
