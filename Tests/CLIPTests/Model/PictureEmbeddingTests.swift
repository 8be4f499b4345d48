import FixtureSupport
import Imaging
import Testing
import Torch

@testable import CLIP

@Suite struct PictureEmbeddingTests {
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
            expected.append(try model.embed(pixels: preprocessor(image).tensor.unsqueezed(0)))
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
