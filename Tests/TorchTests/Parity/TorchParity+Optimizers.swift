import FixtureSupport
import Testing
import Torch
import TorchFixtures

extension TorchParity {
    @Test func optimizers() throws {
        let fixture = try Fixtures.case("torch", "optimizers")
        let steps = try fixture.parameters["steps"].int
        for (name, setting) in try fixture.parameters["optimizers"].object.sorted(by: { $0.key < $1.key }) {
            let run = try OptimizerRun(fixture, setting)
            var losses: [Float] = []
            for step in 0..<steps { losses.append(try run.step(step)) }
            try fixture.expectEqual("out.\(name).losses", Tensor(losses))
            for parameter in run.store.parameters {
                try fixture.expectEqual("out.\(name).\(parameter.name)", parameter.value)
            }
        }
    }

    /// Stopped in the middle, saved, loaded into a new optimizer: the rest gives the same bits.
    @Test func optimizersContinueFromTheirState() throws {
        let fixture = try Fixtures.case("torch", "optimizers")
        for (_, setting) in try fixture.parameters["optimizers"].object {
            let whole = try OptimizerRun(fixture, setting)
            for step in 0..<20 { _ = try whole.step(step) }

            let first = try OptimizerRun(fixture, setting)
            for step in 0..<9 { _ = try first.step(step) }
            let second = try OptimizerRun(fixture, setting)
            try second.store.load(StoredTensors(first.store.stored()))
            try second.store.moveToTestDevice()
            try second.optimizer.load(state: StoredTensors(first.optimizer.state()))
            for step in 9..<20 { _ = try second.step(step) }

            for (a, b) in zip(whole.store.parameters, second.store.parameters) {
                #expect(try a.value.isEqual(to: b.value), "\(a.name)")
            }
        }
    }

    @Test func schedules() throws {
        let fixture = try Fixtures.case("torch", "schedules")
        for (name, entry) in try fixture.parameters["schedules"].object {
            let recorded = try fixture.tensor("out.\(name)").doubles()
            let schedule = try Self.schedule(entry)
            for (step, factor) in recorded.enumerated() {
                #expect(abs(schedule.factor(at: step) - factor) < 1e-9, "\(name) at step \(step)")
            }
        }
    }

    private static func schedule(_ entry: JSONValue) throws -> LearningRateSchedule {
        let decay: LearningRateSchedule.Decay
        switch try entry["decay"].string {
        case "constant": decay = .constant
        case "steps": decay = .steps(at: try entry["at"].ints, factor: try entry["factor"].double)
        case "cosine":
            decay = .cosine(
                totalSteps: try entry["total"].int, minimumRatio: try entry["minimumRatio"].double)
        case "polynomial":
            decay = .polynomial(
                totalSteps: try entry["total"].int, power: try entry["power"].double,
                minimumRatio: try entry["minimumRatio"].double)
        case let other: throw FixtureError("decay '\(other)' is not known")
        }
        let warmup = try entry.optional("warmup").map {
            LearningRateSchedule.Warmup(steps: try $0.int, startFactor: try entry["startFactor"].double)
        }
        return try LearningRateSchedule(warmup: warmup, decay: decay)
    }

    @Test func initializers() throws {
        let fixture = try Fixtures.case("torch", "initializers")
        for name in try fixture.parameters["names"].strings {
            let generator = try Generator(seed: UInt64(fixture.parameters["seed"].int))
            let key = "out.\(name)"
            let shape = try fixture.shape(key)
            let initializer: Initializer
            switch name {
            case "normal": initializer = .normal(mean: 0.5, standardDeviation: 2)
            case "uniform": initializer = .uniform(from: -0.25, to: 0.75)
            case "truncated-normal": initializer = .truncatedNormal(mean: 0.1, standardDeviation: 0.02)
            case "kaiming-normal-fan-out": initializer = .kaimingNormal(.output)
            case "kaiming-uniform-fan-in": initializer = .kaimingUniform(.input)
            case "xavier-normal": initializer = .xavierNormal()
            case "xavier-uniform": initializer = .xavierUniform(gain: 1.5)
            case "fan-uniform": initializer = .fanUniform(inputs: shape[1...].reduce(1, *))
            default: throw FixtureError("initializer '\(name)' is not known")
            }
            try fixture.expectEqual(key, initializer(shape, generator: generator))
        }
    }
}

/// The small network of the case `optimizers` with one optimizer.
private struct OptimizerRun {
    let fixture: FixtureCase
    let setting: JSONValue
    let store = ParameterStore()
    let model: Sequential
    let optimizer: any Optimizer

    init(_ fixture: FixtureCase, _ setting: JSONValue) throws {
        self.fixture = fixture
        self.setting = setting
        let shapes = try [fixture.shape("weights.0.weight"), fixture.shape("weights.2.weight")]
        model = Sequential([
            try Linear(store.root / 0, inputs: shapes[0][1], outputs: shapes[0][0]), Activation.tanh,
            try Linear(store.root / 2, inputs: shapes[1][1], outputs: shapes[1][0]),
        ])
        try store.load(RecordedWeights(fixture: fixture, prefix: "weights.", file: #require(fixture.file)))
        try store.moveToTestDevice()
        let groups = [
            ParameterGroup(store.parameters.filter { $0.name.hasSuffix("weight") }),
            ParameterGroup(
                store.parameters.filter { $0.name.hasSuffix("bias") },
                weightDecay: try setting.optional("biasDecay")?.double),
        ]
        let rate = try setting["rate"].double
        let decay = try setting["decay"].double
        switch try setting["kind"].string {
        case "sgd":
            optimizer = try SGD(
                groups, learningRate: rate, momentum: setting["momentum"].double, weightDecay: decay,
                nesterov: setting["nesterov"].bool)
        case "adamw": optimizer = try AdamW(groups, learningRate: rate, weightDecay: decay)
        case let other: throw FixtureError("optimizer '\(other)' is not known")
        }
    }

    func step(_ step: Int) throws -> Float {
        let data = try fixture.deviceTensor("in.data")
        let target = try fixture.deviceTensor("in.target")
        let batch = try fixture.parameters["batch"].int
        let start = step * batch % (try data.size(0))
        let loss = try model(data[start..<start + batch]).meanSquaredError(target[start..<start + batch])
        try optimizer.clearGradients()
        try loss.backward()
        if let maximum = try setting.optional("maximumNorm")?.double {
            try clipGradients(of: optimizer.parameters, maximumNorm: maximum)
        }
        if let total = try setting.optional("total")?.int {
            let schedule = try LearningRateSchedule.warmupCosine(
                warmupSteps: try setting["warmup"].int, totalSteps: total,
                minimumRatio: try setting["minimumRatio"].double)
            try optimizer.step(learningRateFactor: schedule.factor(at: step))
        } else {
            try optimizer.step()
        }
        return try loss.item(as: Float.self)
    }
}
