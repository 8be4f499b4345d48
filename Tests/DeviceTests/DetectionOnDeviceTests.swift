import FVLM
import FixtureSupport
import Imaging
import Support
import Testing
import Torch
import WeightFiles

extension OnDevice {
    /// Detection on the stand-in for a GPU, both families from picture to masks.
    @Suite struct DetectionTests {
        let device = FakeDevice.device
        private let names = ["dog", "cat", "traffic light"]

        private func expectEqual(_ found: [[FVLM.Detection]], _ expected: [[FVLM.Detection]]) {
            #expect(found.map(\.count) == expected.map(\.count))
            for (mine, theirs) in zip(found.joined(), expected.joined()) {
                #expect(mine.label == theirs.label && mine.proposal == theirs.proposal)
                #expect(abs(mine.score - theirs.score) < 1e-4)
                for (a, b) in [
                    (mine.box.x1, theirs.box.x1), (mine.box.y1, theirs.box.y1), (mine.box.x2, theirs.box.x2),
                    (mine.box.y2, theirs.box.y2),
                ] { #expect(abs(a - b) < 1e-2) }
                let (masks, others) = (mine.mask?.probabilities ?? [], theirs.mask?.probabilities ?? [])
                #expect(!masks.isEmpty && masks.count == others.count)
                #expect(zip(masks, others).allSatisfy { abs($0 - $1) < 1e-3 })
            }
        }

        /// With a picture in which nothing is found among the others, whatever the vocabulary.
        @Test(arguments: [true, false]) func findsWhatTheProcessorFinds(_ isResNet: Bool) throws {
            let images = try (0..<3).map { try DeviceDetector.picture($0) }
            let here = try DeviceDetector.detector(isResNet: isResNet, on: .cpu)
            let there = try DeviceDetector.detector(isResNet: isResNet, on: device)
            #expect(there.device == device && there.identity == here.identity)
            let vocabulary = try DeviceDetector.vocabulary(names, here)
            let all = try here.detect(images, vocabulary: vocabulary)
            #expect(all.allSatisfy { $0.count == 10 })
            expectEqual(try there.detect(images, vocabulary: vocabulary), all)

            var options = here.configuration.scoring
            let best = all.compactMap { $0.first?.score }.sorted()
            options.scoreThreshold = Double((best[0] + best[1]) / 2)
            let some = try here.detect(images, vocabulary: vocabulary, options: options)
            #expect(some.contains { $0.isEmpty } && some.contains { !$0.isEmpty })
            expectEqual(try there.detect(images, vocabulary: vocabulary, options: options), some)
            options.scoreThreshold = 1
            let none = try there.detect(images, vocabulary: vocabulary, options: options)
            #expect(none.map(\.count) == [0, 0, 0])
        }

        @Test(arguments: [true, false], [1, 3]) func waitsHaveABoundForABatch(_ isResNet: Bool, _ count: Int)
            throws
        {
            let detector = try DeviceDetector.detector(isResNet: isResNet, on: device)
            let vocabulary = try DeviceDetector.vocabulary(names, detector)
            let images = try (0..<count).map { try detector.prepare(DeviceDetector.picture($0)) }
            let (found, counts) = try FakeDevice.counting {
                try detector.detect(prepared: images, vocabulary: vocabulary)
            }
            #expect(found.count == count)
            #expect(counts.waits <= 8, "\(counts.reasons)")
        }

        /// Beside what the device computes, so that it need not wait for them.
        @Test func picturesAreSentWhenTheyArePrepared() throws {
            let detector = try DeviceDetector.detector(isResNet: true, on: device)
            let vocabulary = try DeviceDetector.vocabulary(names, detector)
            let pictures = try (0..<3).map { try DeviceDetector.picture($0) }
            let (images, sent) = try FakeDevice.counting { try pictures.map(detector.prepare) }
            #expect(sent.sideCopies == 3 && sent.pinnedCopies == 3 && sent.waits == 0, "\(sent)")
            let (_, counts) = try FakeDevice.counting {
                try detector.detect(prepared: images, vocabulary: vocabulary)
            }
            #expect(counts.pinnedCopies == 0 && counts.earlyReleases == 0, "\(counts)")
        }

        @Test func profilesWaitForEachStageAndKeepItsPeakOfMemory() throws {
            let detector = try DeviceDetector.detector(isResNet: true, on: device)
            let vocabulary = try DeviceDetector.vocabulary(names, detector)
            let profile = StageProfile(on: device)
            let (_, counts) = try FakeDevice.counting {
                try StageProfile.$current.withValue(profile) {
                    try detector.detect([DeviceDetector.picture()], vocabulary: vocabulary)
                }
            }
            let synchronizations = counts.reasons.split(separator: "\n")
                .first { $0.hasSuffix(" synchronize") }.flatMap { Int($0.prefix { $0.isNumber }) }
            #expect(try #require(synchronizations) >= profile.stages.count && profile.stages.count >= 6)
            let peaks = profile.deviceBytes
            let weights = [detector.clip.store, detector.network.store].flatMap(\.parameters)
                .reduce(0) { $0 + 4 * $1.shape.reduce(1, *) }
            for stage in [StageProfile.Stage.trunk, .pyramid, .proposals, .boxHead, .scoring, .masks] {
                #expect(try #require(peaks[stage], "\(stage)") > weights)
            }
            #expect(StageProfile(on: .cpu).deviceBytes.isEmpty)
        }

        @Test(arguments: [true, false]) func nothingIsFloat64There(_ isResNet: Bool) throws {
            try FakeDevice.withoutDoubles {
                let detector = try DeviceDetector.detector(isResNet: isResNet, on: device)
                let vocabulary = try DeviceDetector.vocabulary(names, detector)
                let found = try detector.detect([DeviceDetector.picture()], vocabulary: vocabulary)
                #expect(found[0].count == 10)
            }
        }

        @Test(arguments: [
            (true, ["scoring.scorer=crop"]), (false, ["scoring.scorer=crop"]),
            (true, ["scoring.vlmScales=[1, 1.5]"]), (true, ["scoring.vlmDense=true"]),
            (false, ["scoring.vlmScales=[1, 2]", "scoring.vlmScalesPerRegion=2"]),
            (true, ["scoring.vlmRegions=refined", "scoring.objectnessWeight=0.3"]),
            (false, ["scoring.scorer=lastHidden"]), (false, ["scoring.scorer=none"]),
        ]) func scorersAreThoseOfTheProcessor(_ isResNet: Bool, _ settings: [String]) throws {
            let images = [try DeviceDetector.picture(1)]
            let here = try DeviceDetector.detector(isResNet: isResNet, on: .cpu, settings: settings)
            let there = try DeviceDetector.detector(isResNet: isResNet, on: device, settings: settings)
            let vocabulary = try DeviceDetector.vocabulary(names, here)
            expectEqual(
                try there.detect(images, vocabulary: vocabulary),
                try here.detect(images, vocabulary: vocabulary))
        }

        @Test(arguments: [1, 1203]) func vocabulariesOfAnyLength(_ count: Int) throws {
            let list = (0..<count).map { "thing \($0)" }
            let here = try DeviceDetector.detector(isResNet: true, on: .cpu)
            let there = try DeviceDetector.detector(isResNet: true, on: device)
            // Encoded on either; embeddings lie in main memory.
            let vocabulary = try DeviceDetector.vocabulary(list, there)
            let own = try DeviceDetector.vocabulary(list, here)
            #expect(vocabulary.embeddings.device == .cpu && vocabulary.clip == own.clip)
            #expect(try vocabulary.embeddings.isNear(own.embeddings))
            let images = [try DeviceDetector.picture()]
            var options = here.configuration.scoring
            options.scoreThreshold = count == 1 ? 0 : 0.5 / Double(count)
            expectEqual(
                try there.detect(images, vocabulary: own, options: options),
                try here.detect(images, vocabulary: own, options: options))
        }

        /// Through files: a folder is loaded onto a device, and its digests are those of the processor.
        @Test func aFolderIsLoadedOntoTheDevice() throws {
            let folder = try TemporaryFolder()
            let here = try DeviceDetector.detector(isResNet: true, on: .cpu)
            var configuration = here.configuration
            configuration.clip = Fixtures.folder("clip").appending(path: "openai-rn/model.pt").path
            let there = try DeviceDetector.detector(isResNet: true, on: device)
            try ModelFolder(folder.file("model")).write(
                configuration, network: there.network, vocabulary: DeviceDetector.vocabulary(names, there))
            var options = Detector.LoadingOptions()
            options.device = Device(.registered)
            let loaded = try Detector.load(folder.file("model"), options: options)
            #expect(loaded.device == device)
            #expect(try loaded.network.store.digest() == here.network.store.digest())
            #expect(try loaded.clip.store.digest() == here.clip.store.digest())
            let vocabulary = try Vocabulary(contentsOf: ModelFolder(folder.file("model")).vocabulary)
            let images = [try DeviceDetector.picture()]
            expectEqual(
                try loaded.detect(images, vocabulary: vocabulary),
                try here.detect(images, vocabulary: vocabulary))
        }

        @Test func networksOnTwoDevicesAreRefused() throws {
            let here = try DeviceDetector.detector(isResNet: true, on: .cpu)
            let there = try DeviceDetector.detector(isResNet: true, on: device)
            let error = #expect(throws: TorchError.self) {
                try Detector(configuration: here.configuration, clip: there.clip, network: here.network)
            }
            #expect(error?.reason == "the CLIP is on registered:0, the detector's network on cpu")
        }

        @Test func bfloat16WeightsStayNear() throws {
            let images = [try DeviceDetector.picture()]
            let here = try DeviceDetector.detector(isResNet: true, on: .cpu)
            let vocabulary = try DeviceDetector.vocabulary(names, here)
            let folder = try TemporaryFolder()
            var configuration = here.configuration
            configuration.clip = Fixtures.folder("clip").appending(path: "openai-rn/model.pt").path
            try ModelFolder(folder.file("model")).write(configuration, network: here.network, vocabulary: nil)
            var options = Detector.LoadingOptions()
            options.dtype = .bfloat16
            let half = try Detector.load(folder.file("model"), options: options)
            options.device = device
            let there = try Detector.load(folder.file("model"), options: options)
            let (mine, theirs) = try (
                there.detect(images, vocabulary: vocabulary)[0],
                half.detect(images, vocabulary: vocabulary)[0]
            )
            #expect(mine.count == theirs.count)
            #expect(zip(mine, theirs).allSatisfy { abs($0.score - $1.score) < 0.02 })
        }

        /// Embeddings of pictures and texts, and classes of whole pictures.
        @Test(arguments: ["openai-rn/model.pt", "hf-vit/model"]) func embeddingsAndClassesOfPictures(
            _ path: String
        )
            async throws
        {
            let place = Fixtures.folder("clip").appending(path: path).path
            let folder = try TemporaryFolder()
            let files = try (0..<3).map { number in
                try DeviceDetector.picture(number).write(to: folder.file("\(number).png"))
                return folder.file("\(number).png")
            }
            func embedded(_ device: Device) async throws -> (pictures: Tensor, probabilities: Tensor) {
                let model = try CLIPModel.load(place, options: .init(device: device))
                let (pictures, indices) = try await model.embed(
                    files: files, preprocessor: model.preprocessor())
                #expect(indices == [0, 1, 2] && pictures.device == device)
                let vocabulary = try Vocabulary(
                    encoding: names.map { Vocabulary.Class($0) }, templates: .single, background: nil,
                    with: model, tokenizer: model.tokenizer())
                let classifier = try ZeroShotClassifier(vocabulary, model: model)
                return (pictures, try classifier.probabilities(pictures))
            }
            let (mine, theirs) = (try await embedded(device), try await embedded(.cpu))
            #expect(try mine.pictures.isNear(theirs.pictures))
            #expect(try mine.probabilities.isNear(theirs.probabilities))
        }
    }
}
