import FVLM
import FixtureSupport
import Foundation
import Imaging
import Testing
import Tracking
import Video
import VideoDetection

/// Detection and tracking of films as a sequence, with a small recorded CLIP and random heads.
@Suite struct DetectedFramesTests {
    private let folder: TemporaryFolder
    private let detector: Detector

    init() throws {
        folder = try TemporaryFolder()
        let clip = try CLIPModel.load(Fixtures.folder("clip").appending(path: "openai-rn/model.pt").path)
        let configuration = try DetectorConfiguration(preset: "published").with(
            settings: [
                "input.size=64", "network.width=8", "network.hidden=16", "network.proposalCount=[50, 20]",
                "scoring.scoreThreshold=0", "scoring.limit=4",
            ])
        let network = try DetectorNetwork(configuration, for: clip.configuration)
        try network.store.initialize(seed: 3)
        detector = try Detector(configuration: configuration, clip: clip, network: network)
        // A square that moves to the right.
        for number in 0..<7 {
            var image = try Image(width: 64, height: 40, filledWith: .white)
            for x in 4..<24 {
                for y in 8..<28 { image[x + 4 * number, y] = Color(red: 20, green: UInt8(8 * y), blue: 90) }
            }
            try image.write(to: folder.write("", "burst/\(number).png"))
        }
    }

    private func burst(_ change: (inout FrameOptions) -> Void = { _ in }) throws -> PictureSequence {
        var options = FrameOptions()
        change(&options)
        return try PictureSequence(folder.file("burst"), options: options)
    }

    private func vocabulary() async throws -> Vocabulary {
        try await detector.vocabulary(of: ["cat", "dog"], templates: .single)
    }

    /// Each frame has the detections of its picture alone; batches end where they should.
    @Test func framesHaveTheDetectionsOfTheirPictures() async throws {
        let vocabulary = try await vocabulary()
        var (ends, count): ([Bool], Int) = ([], 0)
        for try await frame in detector.detect(try burst(), vocabulary: vocabulary, batchSize: 3) {
            let alone = try await detector.detect([frame.frame.image], vocabulary: vocabulary)[0]
            #expect(frame.detections.count == alone.count && !alone.isEmpty)
            for (a, b) in zip(frame.detections, alone) { #expect(abs(a.score - b.score) < 1e-4) }
            #expect(frame.frame.index == count && frame.tracked == nil && frame.tracker == nil)
            #expect(frame.frame.time == Double(count) / 10)
            ends.append(frame.endsBatch)
            count += 1
        }
        #expect(ends == [false, false, true, false, false, true, true])
    }

    /// Stopped behind a batch, with the tracker written down and read again, it goes on to the same ids.
    @Test func trackingGoesOn() async throws {
        let vocabulary = try await vocabulary()
        var whole: [[Tracker.Assignment]] = []
        var (state, position): (Data?, FramePosition?)
        for try await frame in detector.track(try burst(), vocabulary: vocabulary, batchSize: 2) {
            whole.append(frame.tracked?.assignments ?? [])
            if frame.frame.index == 3 {
                #expect(frame.endsBatch)
                state = try JSONEncoder().encode(frame.tracker)
                position = FramePosition(frames: 4, time: frame.frame.time)
            }
        }
        #expect(whole.count == 7 && whole[6].contains { $0.id != nil })
        let tracker = try JSONDecoder().decode(Tracker.self, from: try #require(state))
        var rest: [[Tracker.Assignment]] = []
        let frames = try burst { $0.position = position }
        for try await frame in detector.track(frames, from: tracker, vocabulary: vocabulary, batchSize: 2) {
            rest.append(frame.tracked?.assignments ?? [])
        }
        #expect(rest == Array(whole[4...]))
    }

    @Test func framesAreLookedAtInTiles() async throws {
        let vocabulary = try await vocabulary()
        var tiles = TilingOptions()
        tiles.side = 32
        for try await frame in detector.track(
            try burst { $0.stride = 3 }, vocabulary: vocabulary, tiles: tiles)
        {
            let alone = try await detector.detect(frame.frame.image, vocabulary: vocabulary, tiles: tiles)
            #expect(frame.detections.map(\.box) == alone.map(\.box) && frame.detections[0].embedding != nil)
            #expect(frame.tracker?.options.frameRate == 10.0 / 3)
        }
    }

    /// A task that is cancelled stops reading, and a picture that cannot be read ends the sequence with its error.
    @Test func errorsEndTheSequence() async throws {
        let vocabulary = try await vocabulary()
        try folder.write("no picture", "burst/3.png")
        var count = 0
        do {
            for try await _ in detector.detect(try burst(), vocabulary: vocabulary, batchSize: 1) {
                count += 1
            }
            Issue.record("there was no error")
        } catch let error as ImagingError {
            #expect(error.description.contains("3.png") && count == 3)
        }
        let task = Task { [detector, burst = try burst()] in
            for try await _ in detector.detect(burst, vocabulary: vocabulary, batchSize: 1) {}
        }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}
