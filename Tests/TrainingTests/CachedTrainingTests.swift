import FixtureSupport
import Foundation
import Imaging
import Testing
import Torch
import TrainingFixtures

@testable import Training

/// Training from a cache of frozen features against training without one, for both kinds of trunk.
@Suite struct CachedTrainingTests {
    private let run: SmallRun
    private var folder: TemporaryFolder { run.folder }

    init() throws { run = try SmallRun() }

    private func configuration(_ kind: String, _ settings: [String] = []) throws -> TrainingConfiguration {
        try run.configuration(kind, settings)
    }

    private func losses(_ configuration: TrainingConfiguration, _ name: String) throws -> [[Double]] {
        var losses: [[Double]] = []
        try TrainingRun(configuration, folder: folder.file(name)).start(resumes: false) { event in
            if case .progress(let progress) = event { losses.append(progress.losses.map(\.value)) }
        }
        return losses
    }

    @Test(arguments: ["openai-rn", "hf-vit"]) func lossesAreThoseWithoutACache(_ kind: String) throws {
        let plain = try losses(configuration(kind), "plain")
        #expect(plain.count == 8)
        for (dtype, tolerance) in [(DType.float32, 1e-4), (.bfloat16, 0.05)] {
            let cache = folder.file("cache-\(dtype)")
            let report = try TrainingRun(configuration(kind), folder: folder.file("none"))
                .cacheFeatures(to: cache, dtype: dtype) { _, _ in }
            #expect(report.viewCount == 12 && report.madeCount == 12 && report.byteCount > 0)
            let cached = try losses(configuration(kind, ["data.cache=\(cache)"]), "cached-\(dtype)")
            try #require(cached.count == plain.count)
            // Rounded features lead to other proposals: only the first losses that do not follow from these, those of
            // the anchors, can be compared.
            let pairs =
                dtype == .float32
                ? Array(zip(plain.joined(), cached.joined())) : Array(zip(plain[0], cached[0]).prefix(2))
            for (a, b) in pairs {
                #expect(abs(a - b) <= tolerance * max(1, abs(a)), "\(dtype): \(a), \(b)")
            }
            // The weights have moved: equal losses later on say that gradients are equal too.
            #expect(plain.first != plain.last)
        }
        // A second time there is nothing to make.
        let again = try TrainingRun(configuration(kind), folder: folder.file("none"))
            .cacheFeatures(to: folder.file("cache-float32"), dtype: .float32) { _, _ in }
        #expect(again.viewCount == 12 && again.madeCount == 0)
    }

    /// Work that is asked to stop, or that a fault ends, keeps every view that was made.
    @Test("B12: an interrupted cache") func anInterruptedCacheGoesOn() throws {
        let cache = folder.file("cache")
        let run = try TrainingRun(configuration("openai-rn"), folder: folder.file("none"))
        let stop = StopRequest()
        let first = try run.cacheFeatures(to: cache, stopRequest: stop) { done, _ in
            if done == 5 { stop.make() }
        }
        #expect(first.viewCount == 5 && first.madeCount == 5 && first.missingCount == 7)
        let second = try run.cacheFeatures(to: cache) { _, _ in }
        #expect(second.viewCount == 12 && second.madeCount == 7 && second.missingCount == 0)
    }

    @Test func cachesOfAnotherTrainingAreRefused() throws {
        let cache = folder.file("cache")
        func make(_ settings: [String]) throws {
            _ = try TrainingRun(configuration("openai-rn", settings), folder: folder.file("none"))
                .cacheFeatures(to: cache) { _, _ in }
        }
        func refusal(_ settings: [String]) -> String {
            message {
                _ = try TrainingRun(
                    configuration("openai-rn", ["data.cache=\(cache)"] + settings),
                    folder: folder.file("none"))
            }
        }
        #expect(refusal([]).contains("is not a feature cache"))
        #expect(message { try make(["data.views=0"]) }.contains("data.views"))
        #expect(refusal(["data.views=0"]).contains("data.views"))
        try make([])
        #expect(refusal([]) == "")
        for settings in [
            ["run.seed=6"], ["data.views=3"], ["detector.input.size=64"], ["data.variation=flip"],
            ["data.jitter=[0.5, 1.6]"], ["run.precision=bfloat16"],
        ] { #expect(refusal(settings).contains("does not fit"), "\(settings)") }
        // What differs is named, and nothing else.
        #expect(refusal(["run.seed=6"]).contains("seed is 5, expected 6"))
        #expect(!refusal(["run.seed=6"]).contains("normalization"))
        #expect(
            refusal(["data.variation=flip", "data.views=3"])
                .contains("viewCount is 2, expected 3"))

        // A picture that was changed after the cache was made is found when its turn comes.
        try Image(width: 80, height: 120, filledWith: .white).write(to: folder.file("0.png"))
        let stale = message { _ = try losses(configuration("openai-rn", ["data.cache=\(cache)"]), "stale") }
        #expect(stale.contains("run fvlm cache again"))
    }
}
