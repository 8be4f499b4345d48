import Testing
import WeightFiles

@testable import Torch
@testable import Training

extension OnDevice {
    /// What a step does to all parameters.
    @Suite struct UpdateTests {
        let device = FakeDevice.device

        private func store(_ count: Int, on device: Device) throws -> ParameterStore {
            let store = ParameterStore()
            for number in 0..<count {
                _ = try (store.root / "part\(number)").weight(
                    "weight", [2, 3], .normal(standardDeviation: 1))
            }
            try store.initialize(seed: 4)
            try store.convert(device: device.isProcessor ? nil : device)
            return store
        }

        private func setGradients(_ store: ParameterStore, _ factor: Double) throws {
            for parameter in store.parameters {
                try parameter.value.setGrad((parameter.value.detached() * factor).clone())
            }
        }

        private func optimizer(_ kind: String, _ store: ParameterStore) throws -> any Optimizer {
            let groups = [ParameterGroup(store.parameters)]
            return kind == "sgd"
                ? try SGD(groups, learningRate: 0.1, momentum: 0.9) : try AdamW(groups, learningRate: 0.1)
        }

        /// Norm, clipping, step and moving average.
        private func update(
            _ store: ParameterStore, _ optimizer: any Optimizer, _ average: MovingAverage
        ) throws {
            let norm = try gradientNorm(of: store.parameters).item()
            try clipGradients(of: store.parameters, maximumNorm: norm / 2, knownNorm: norm)
            try optimizer.step(learningRateFactor: 1)
            try average.update()
        }

        /// Norm, clipping, optimizer and moving average each take the whole list: as many operators for sixty parameters as
        /// for three.
        @Test(arguments: ["adamw", "sgd"]) func operatorsTakeAllParametersAtOnce(_ kind: String) throws {
            func counted(_ count: Int) throws -> FakeDevice.Counts {
                let store = try store(count, on: device)
                let optimizer = try optimizer(kind, store)
                let average = try MovingAverage(of: store, decay: 0.9)
                try setGradients(store, 0.5)
                try update(store, optimizer, average)
                try setGradients(store, 0.25)
                return try FakeDevice.counting { try update(store, optimizer, average) }.counts
            }
            let (few, many) = try (counted(3), counted(60))
            // The norms, their scale, the average's two, and the optimizer's one; AdamW counts its steps as well.
            let expected = kind == "adamw" ? 6 : 5
            #expect(few.listOperators == expected && many.listOperators == expected)
            #expect(few.operators == many.operators)
            #expect(many.waits == 1, "\(many.reasons)")
        }

        @Test func magnitudesAreClippedAtOnce() throws {
            let store = try store(60, on: device)
            try setGradients(store, 1)
            let (_, counts) = try FakeDevice.counting {
                try clipGradients(of: store.parameters, maximumMagnitude: 0.5)
            }
            #expect(counts.operators == 2 && counts.listOperators == 2, "\(counts)")
            for parameter in store.parameters {
                let clipped = try parameter.value.detached().to(device: .cpu).clamped(min: -0.5, max: 0.5)
                #expect(try #require(parameter.grad).isNear(clipped, relative: 0, absolute: 0))
            }
        }

        @Test(arguments: ["adamw", "sgd"]) func updatesAreThoseOfTheProcessor(_ kind: String) throws {
            func moved(_ device: Device) throws -> [Tensor] {
                let store = try store(5, on: device)
                let optimizer = try optimizer(kind, store)
                let average = try MovingAverage(of: store, decay: 0.9)
                for step in 1...4 {
                    try setGradients(store, 1 / Double(step))
                    try update(store, optimizer, average)
                }
                return try store.parameters.map { try $0.value }
            }
            for (mine, theirs) in try zip(moved(device), moved(.cpu)) {
                #expect(mine.device == device)
                #expect(try mine.isNear(theirs))
            }
        }

        /// Whichever device it was saved on.
        @Test(arguments: ["adamw", "sgd"], [true, false]) func stateIsLoadedOntoTheParametersDevice(
            _ kind: String, _ isFromTheProcessor: Bool
        ) throws {
            let before = try store(3, on: isFromTheProcessor ? .cpu : device)
            let saved = try optimizer(kind, before)
            try setGradients(before, 0.5)
            try saved.step()
            let after = try store(3, on: device)
            try after.load(StoredTensors(before.stored()))
            try after.convert(device: device)
            let loaded = try optimizer(kind, after)
            try loaded.load(state: StoredTensors(saved.state()))
            for store in [before, after] { try setGradients(store, 0.25) }
            try saved.step()
            // A list with a part on the processor would be refused, a copy counted.
            let (_, counts) = try FakeDevice.counting { try loaded.step() }
            #expect(counts.waits == 0 && counts.copiesToDevice == 0, "\(counts)")
            for (mine, theirs) in zip(after.parameters, before.parameters) {
                #expect(try mine.value.device == device && mine.value.isNear(theirs.value))
            }
        }
    }
}
