import FixtureSupport
import Foundation
import Support
import Testing
import Torch
import TrainingFixtures

@testable import FVLM
@testable import Training

extension OnDevice {
    /// Training on the stand-in for a GPU.
    @Suite struct TrainingTests {
        let device = FakeDevice.device
        private let small: SmallRun
        private var folder: TemporaryFolder { small.folder }

        // With a picture without objects.
        init() throws { small = try SmallRun(empty: [3]) }

        private func configuration(_ kind: String, _ settings: [String] = []) throws -> TrainingConfiguration
        {
            try small.configuration(kind, ["run.steps=3", "run.isDeterministic=false"] + settings)
        }

        private struct Course {
            var losses: [[Double]] = []
            var norms: [Double] = []
            var notes: [String] = []
            var weights: [String: Tensor] = [:]
        }

        private func course(
            _ kind: String, on device: String, _ settings: [String] = [], in name: String = UUID().uuidString,
            resumes: Bool = false
        ) throws -> Course {
            var course = Course()
            let run = try TrainingRun(
                configuration(kind, settings + ["run.device=\(device)"]), folder: folder.file(name))
            try run.start(resumes: resumes) { event in
                if case .progress(let progress) = event {
                    course.losses.append(progress.losses.map(\.value))
                    course.norms.append(progress.gradientNorm)
                }
                if case .started(let start) = event { course.notes = start.notes }
            }
            for parameter in run.network.store.parameters {
                course.weights[parameter.name] = try parameter.value
            }
            return course
        }

        private func expectNear(_ mine: Course, _ theirs: Course, _ tolerance: Double = 2e-3) throws {
            #expect(mine.losses.count == theirs.losses.count && !mine.losses.isEmpty)
            for (a, b) in zip(mine.losses.joined(), theirs.losses.joined()) {
                #expect(abs(a - b) <= tolerance * max(1, abs(b)), "\(a), \(b)")
            }
            for (a, b) in zip(mine.norms, theirs.norms) {
                #expect(abs(a - b) <= tolerance * max(1, b), "\(a), \(b)")
            }
            for (name, weight) in theirs.weights {
                let other = try #require(mine.weights[name])
                #expect(try other.isNear(weight, relative: 1e-2, absolute: 5e-4), "\(name)")
            }
        }

        @Test(arguments: ["openai-rn", "hf-vit"]) func aTrainingGoesAsOnTheProcessor(_ kind: String) throws {
            FakeDevice.prepare()
            let settings = ["optimizer.averageDecay=0.9", "optimizer.clipNorm=1"]
            let here = try course(kind, on: "cpu", settings)
            let there = try course(kind, on: "registered", settings)
            #expect(there.weights.values.allSatisfy { $0.device == device })
            try expectNear(there, here)
        }

        @Test func momentumGoesAsOnTheProcessor() throws {
            FakeDevice.prepare()
            let settings = ["optimizer.kind=sgd", "optimizer.learningRate=0.001", "run.isDeterministic=true"]
            try expectNear(
                course("openai-rn", on: "registered", settings), course("openai-rn", on: "cpu", settings))
        }

        @Test(arguments: ["openai-rn", "hf-vit"]) func waitsHaveABoundForAStep(_ kind: String) throws {
            FakeDevice.prepare()
            func waits(_ batchSize: Int) throws -> [FakeDevice.Counts] {
                let run = try TrainingRun(
                    configuration(kind, ["run.device=registered", "data.batchSize=\(batchSize)"]),
                    folder: folder.file("none"))
                let trainer = try Trainer(
                    run.network.store, source: run.source,
                    optimizer: run.configuration.makeOptimizer(of: run.network.store),
                    configuration: run.configuration
                ) {
                    try run.network.losses(
                        of: $0, trunk: run.trunk, texts: run.texts, padding: run.padding, generator: $1
                    ).terms
                }
                run.network.store.train()
                try trainer.makeStep()
                return try (0..<2).map { _ in try FakeDevice.counting { try trainer.makeStep() }.counts }
            }
            for batchSize in [1, 4] {
                for counts in try waits(batchSize) {
                    #expect(counts.waits <= 8, "\(counts.reasons)")
                    #expect(counts.copiesToHost <= 4)
                }
            }
        }

        /// By the loader's threads, beside what the device computes.
        @Test func theNextBatchesAreSentBeforeTheyAreNeeded() throws {
            FakeDevice.prepare()
            let run = try TrainingRun(
                configuration("openai-rn", ["run.device=registered", "data.workers=1"]),
                folder: folder.file("none"))
            let (loader, first) = try FakeDevice.counting {
                let loader = try ExampleLoader(
                    run.source, options: .init(run.configuration, device: run.device))
                return (loader, try loader.nextBatch())
            }.result
            // Nobody asks for the two batches of two that follow.
            let deadline = ContinuousClock.now + .seconds(120)
            while FakeDevice.counts.sideCopies < 6, ContinuousClock.now < deadline { usleep(1000) }
            #expect(FakeDevice.counts.sideCopies == 6 && FakeDevice.counts.pinnedCopies == 6)
            let (_, counts) = try FakeDevice.counting {
                try run.network.losses(
                    of: first, trunk: run.trunk, texts: run.texts, padding: run.padding,
                    generator: Generator(seed: 1))
            }
            #expect(counts.pinnedCopies == 0 && counts.sideCopies == 0, "\(counts)")
            withExtendedLifetime(loader) {}
        }

        @Test func whatWasSentIsNotReleasedEarly() throws {
            FakeDevice.prepare()
            let (_, counts) = try FakeDevice.counting { try course("openai-rn", on: "registered") }
            #expect(counts.sideCopies >= 6 && counts.earlyReleases == 0, "\(counts)")
        }

        /// Operators that add in any order are refused, as on CUDA; both families do without them.
        @Test(arguments: ["openai-rn", "hf-vit"]) func deterministicRunsRepeat(_ kind: String) throws {
            FakeDevice.prepare()
            let settings = ["run.isDeterministic=true", "run.steps=2"]
            let (first, second) = try (
                course(kind, on: "registered", settings), course(kind, on: "registered", settings)
            )
            #expect(first.losses == second.losses && first.norms == second.norms)
            for (name, weight) in first.weights {
                #expect(
                    try #require(second.weights[name]).isNear(weight, relative: 0, absolute: 0), "\(name)")
            }
        }

        @Test(arguments: ["openai-rn", "hf-vit"]) func nothingIsFloat64There(_ kind: String) throws {
            FakeDevice.prepare()
            let done = try FakeDevice.withoutDoubles {
                try course(kind, on: "registered", ["run.steps=1", "optimizer.averageDecay=0.9"])
            }
            #expect(done.losses.joined().allSatisfy { $0.isFinite })
        }

        @Test func settingsOfNVIDIAsLibrariesAreApplied() throws {
            FakeDevice.prepare()
            let before = (Runtime.allowsTensorFloat32, Runtime.tunesConvolutions)
            defer {
                Runtime.setTensorFloat32(before.0)
                Runtime.setConvolutionTuning(before.1)
            }
            func applied(_ settings: [String]) throws -> [Bool] {
                let run = try TrainingRun(
                    configuration("openai-rn", settings + ["run.device=registered", "run.steps=1"]),
                    folder: folder.file(UUID().uuidString))
                var seen: [Bool] = []
                try run.start(resumes: false) { event in
                    if case .started = event {
                        seen = [Runtime.allowsTensorFloat32, Runtime.tunesConvolutions]
                    }
                }
                return seen
            }
            // Pictures of one size, or not.
            let square = ["detector.input.fitting=square"]
            #expect(try applied(["detector.input.fitting=longestSide"]) == [true, false])
            #expect(try applied(square) == [true, true])
            #expect(try applied(square + ["run.isDeterministic=true"]) == [true, false])
            #expect(
                try applied([
                    "detector.input.fitting=longestSide", "run.allowsTensorFloat32=false",
                    "run.tunesConvolutions=true",
                ]) == [false, true])
            #expect(
                try applied(square + ["run.tunesConvolutions=false"]) == [true, false])
            let printed = try TrainingConfiguration().yaml()
            #expect(printed.contains("allowsTensorFloat32: true"))
            #expect(printed.contains("tunesConvolutions: null"))
        }

        /// A run goes on where it ended, on the same device and on another.
        @Test(arguments: [("registered", "registered"), ("registered", "cpu"), ("cpu", "registered")])
        func checkpointsMoveBetweenDevices(_ first: String, _ second: String) throws {
            FakeDevice.prepare()
            let settings = ["optimizer.averageDecay=0.9", "run.isDeterministic=true"]
            // The schedule is that of four steps in both.
            let constant = ["optimizer.schedule=constant", "optimizer.warmupSteps=0"]
            let straight = try course("openai-rn", on: first, settings + constant + ["run.steps=4"])
            _ = try course("openai-rn", on: first, settings + constant + ["run.steps=2"], in: "run")
            let resumed = try course(
                "openai-rn", on: second, settings + constant + ["run.steps=4"], in: "run", resumes: true)
            #expect(resumed.losses.count == 2)
            #expect(!resumed.notes.contains { $0.hasPrefix("run.device") })
            #expect(resumed.notes.contains { $0.contains("was made on") } == (first != second))
            for (name, weight) in straight.weights {
                let tolerance = first == second ? 0.0 : 5e-4
                #expect(
                    try #require(resumed.weights[name]).isNear(
                        weight, relative: first == second ? 0 : 1e-2, absolute: tolerance), "\(name)")
            }
        }

        @Test func theStateOfTheDevicesRandomNumbersIsKept() throws {
            FakeDevice.prepare()
            _ = try course("openai-rn", on: "registered", ["run.steps=1"], in: "kept")
            let latest = try CheckpointFolder(
                path: folder.file("kept/checkpoints"), retention: .init(last: 3)
            ).latest()
            let checkpoint = try #require(latest)
            #expect(try Set(checkpoint.random().keys) == ["training", "standard", "device registered"])
            #expect(checkpoint.state.versions["device"] == "registered")
        }

        @Test func theStateOfTheDevicesRandomNumbersIsRestored() throws {
            FakeDevice.prepare()
            let stream = try Generator.standard(for: device)
            func start(_ steps: Int, resumes: Bool, _ atStart: () throws -> Void) throws {
                try TrainingRun(
                    configuration("openai-rn", ["run.device=registered", "run.steps=\(steps)"]),
                    folder: folder.file("drawn")
                ).start(resumes: resumes) { event in
                    if case .started = event { try atStart() }
                }
            }
            // Nothing in a training draws on the device yet.
            var seeded: [UInt8] = []
            try start(1, resumes: false) {
                seeded = try stream.state().array(of: UInt8.self)
                _ = try Tensor.randomNormal([5], device: device)
            }
            let ended = try stream.state().array(of: UInt8.self)
            #expect(ended != seeded)
            try stream.seed(99)
            var resumed: [UInt8] = []
            try start(2, resumes: true) { resumed = try stream.state().array(of: UInt8.self) }
            #expect(resumed == ended)
        }

        @Test(arguments: ["openai-rn", "hf-vit"]) func castsGoAsOnTheProcessor(_ kind: String) throws {
            FakeDevice.prepare()
            let settings = ["run.precision=bfloat16", "run.steps=2"]
            let here = try course(kind, on: "cpu", settings)
            let there = try course(kind, on: "registered", settings)
            let exact = try course(kind, on: "registered", ["run.steps=2"])
            // Rounded features lead to other proposals: the losses of the anchors alone can be compared.
            for (a, b) in zip(there.losses[0].prefix(2), here.losses[0].prefix(2)) {
                #expect(abs(a - b) < 0.02 * max(1, abs(b)))
            }
            #expect(there.losses[0] != exact.losses[0], "nothing was cast")
        }

        /// With losses that are scaled; the scale is kept in checkpoints.
        @Test func halfPrecisionScalesLosses() throws {
            FakeDevice.prepare()
            let settings = ["run.precision=float16"]
            let half = try course("openai-rn", on: "registered", settings + ["run.steps=2"], in: "half")
            let exact = try course("openai-rn", on: "registered", ["run.steps=2"])
            #expect(half.losses.joined().allSatisfy { $0.isFinite })
            for (a, b) in zip(half.losses[0].prefix(2), exact.losses[0].prefix(2)) {
                #expect(abs(a - b) < 0.02 * max(1, abs(b)))
            }
            #expect(half.losses[0] != exact.losses[0], "nothing was cast")
            let latest = try CheckpointFolder(
                path: folder.file("half/checkpoints"), retention: .init(last: 3)
            ).latest()
            let scale = try #require(latest?.state.lossScale)
            #expect(scale.scale <= 65_536 && scale.stepsSinceChange <= 2)
            let more = try course(
                "openai-rn", on: "registered", settings + ["run.steps=3"], in: "half", resumes: true)
            #expect(more.losses.count == 1)
        }

        @Test(arguments: ["openai-rn", "hf-vit"]) func cachesAreThoseOfTheProcessor(_ kind: String) throws {
            FakeDevice.prepare()
            func made(_ device: String) throws -> String {
                let cache = folder.file("cache-\(device)")
                let report = try TrainingRun(
                    configuration(kind, ["run.device=\(device)"]), folder: folder.file("none")
                ).cacheFeatures(to: cache, dtype: .float32) { _, _ in }
                #expect(report.madeCount == 12)
                return cache
            }
            // A cache of one device is a cache of the other.
            let (here, there) = try (made("cpu"), made("registered"))
            let (mine, counts) = try FakeDevice.counting {
                try course(kind, on: "registered", ["data.cache=\(here)"])
            }
            try expectNear(mine, course(kind, on: "cpu", ["data.cache=\(there)"]))
            // Features are sent ahead as pictures are.
            #expect(counts.sideCopies >= 6 && counts.earlyReleases == 0, "\(counts)")
        }

        @Test func evaluationsRunOnTheDevice() throws {
            FakeDevice.prepare()
            let settings = [
                "data.validationAnnotations=\(folder.file("train.json"))",
                "data.validationImages=\(folder.path)",
                "run.steps=1",
            ]
            func metrics(_ device: String) throws -> [String: Double] {
                var metrics: [String: Double] = [:]
                try TrainingRun(
                    configuration("openai-rn", settings + ["run.device=\(device)"]),
                    folder: folder.file(device)
                ).start(resumes: false) { event in
                    if case .evaluated(_, let report) = event {
                        for metric in report.metrics { metrics[metric.name] = metric.value }
                    }
                }
                return metrics
            }
            let (here, there) = try (metrics("cpu"), metrics("registered"))
            #expect(!here.isEmpty && Set(here.keys) == Set(there.keys))
        }
    }

    /// Half precision's scaling of losses, wherever.
    @Suite struct LossScalerTests {
        @Test func overflowLowersTheScaleAndLeavesTheStepOut() throws {
            let scaler = LossScaler(device: .cpu, scale: 8)
            #expect(try scaler.scaled(Tensor(scalar: Float(2))).item() == 16)
            let gradients = try [Tensor([8, 16] as [Float]), Tensor([24] as [Float])]
            try scaler.unscale(gradients)
            #expect(try gradients.map { try $0.array(of: Float.self) } == [[1, 2], [3]])
            #expect(try scaler.update(norm: .infinity))
            #expect(scaler.scale == 4 && scaler.stepsSinceChange == 0)
            for _ in 0..<2000 { #expect(try !scaler.update(norm: 1)) }
            #expect(scaler.scale == 8)
            #expect(throws: TrainingError.self) { while true { _ = try scaler.update(norm: .nan) } }
        }
    }
}
