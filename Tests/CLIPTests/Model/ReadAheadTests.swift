import FixtureSupport
import Foundation
import Imaging
import Synchronization
import Testing
import Torch

@testable import CLIP

@Suite struct ReadAheadTests {
    @Test func resultsKeepTheirOrderAndTheWindowIsKept() async throws {
        let running = Mutex((now: 0, most: 0))
        let items = ReadAhead(count: 50, window: 3) { index in
            running.withLock {
                $0.now += 1
                $0.most = max($0.most, $0.now)
            }
            Thread.sleep(forTimeInterval: index % 4 == 0 ? 0.003 : 0.001)
            running.withLock { $0.now -= 1 }
            if index == 7 { throw CLIPError("\(index)", reason: "") }
            return index
        }
        var values: [Int?] = []
        while let result = await items.next() { values.append(try? result.get()) }
        #expect(values == (0..<50).map { $0 == 7 ? nil : $0 })
        #expect(running.withLock { $0.most } <= 3)
    }

    /// Work ahead goes on while the consumer is busy.
    @Test func workIsDoneAhead() async throws {
        let done = Mutex(0)
        let items = ReadAhead(count: 20, window: 5) { index in
            done.withLock { $0 += 1 }
            return index
        }
        _ = await items.next()
        for _ in 0..<500 where done.withLock({ $0 }) < 6 { try await Task.sleep(for: .milliseconds(10)) }
        #expect(done.withLock { $0 } == 6)
    }

    @Test func nothingToDo() async {
        let items = ReadAhead(count: 0, window: 5) { $0 }
        #expect(await items.next() == nil)
    }

    @Test func picturesMatchOneAtATime() async throws {
        let folder = try TemporaryFolder()
        let fixture = try #require(try Fixtures.cases("clip").first { $0.has("in.image0") })
        let model = try CLIPModel.load(fixture.path("model"))
        let preprocessor = try model.preprocessor()
        var files: [String] = []
        var expected: [Tensor] = []
        for index in 0..<5 {
            let key = "in.image\(index % (try fixture.parameters["images"].int))"
            let stored = try fixture.tensor(key)
            let image = try Image(width: stored.shape[1], height: stored.shape[0], pixels: stored.bytes())
            files.append(folder.path + "/\(index).png")
            try image.write(to: files[index])
            expected.append(try model.embed(pixels: preprocessor(image).tensor()))
        }
        files.insert(try folder.write("no picture", "broken.png"), at: 2)
        await #expect(throws: ImagingError.self) {
            try await model.embed(files: files, preprocessor: preprocessor, batchSize: 2)
        }
        var left: [String] = []
        let (embeddings, indices) = try await model.embed(
            files: files, preprocessor: preprocessor, batchSize: 2,
            onUnreadable: {
                left.append($0); _ = $1
            })
        #expect(left == [files[2]])
        #expect(indices == [0, 1, 3, 4, 5])
        #expect(try largestDifference(embeddings, Tensor.cat(expected)) < 1e-5)
        let (none, places) = try await model.embed(files: [], preprocessor: preprocessor)
        #expect(none.shape == [0, model.configuration.embeddingWidth] && places.isEmpty)
    }
}
