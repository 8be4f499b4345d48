import FixtureSupport
import Imaging
import Testing
import Torch

@testable import CLIP

extension CLIPParity {
    /// The recorded pictures through the preparation that the model folder asks for.
    func comparePreprocessing(_ recorded: FixtureCase) throws {
        let preprocessor = try ImagePreprocessor(contentsOf: recorded.path("model"))
        let images = try recorded.keys(startingWith: "in.image").map { key in
            let stored = try recorded.tensor(key)
            return try Image(width: stored.shape[1], height: stored.shape[0], pixels: stored.bytes())
        }
        try #require(!images.isEmpty)
        let pixels = try images.map { try preprocessor($0) }
        let shape = [pixels.count, 3, pixels[0].size.height, pixels[0].size.width]
        let difference = try recorded.difference(
            "out.pixel_values", pixels.flatMap { try $0.values }, shape: shape)
        if let difference { Issue.record("\(difference)") }
        #expect(try PixelValues.batch(pixels).shape == shape)
    }
}
