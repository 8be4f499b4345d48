import FixtureSupport
import Testing

@testable import Imaging

/// Pictures against Pillow's, over every recorded case.
@Suite struct ImagesParity {
    @Test(arguments: try Fixtures.cases("images"))
    func recordedCase(_ recorded: FixtureCase) throws {
        switch recorded.folder.lastPathComponent {
        case "decode": try decodes(recorded)
        case "broken": try refuses(recorded)
        default: Issue.record("\(recorded) is of no known kind")
        }
    }

    /// Every file decodes to the recorded picture, and so do its bytes in memory.
    private func decodes(_ recorded: FixtureCase) throws {
        let names = try recorded.parameters["names"].strings
        try #require(!names.isEmpty)
        for name in names {
            let image = try Image(contentsOf: recorded.path(name))
            let header = try ImageHeader(contentsOf: recorded.path(name))
            let size = try recorded.expected["sizes"][name]
            #expect(header.size == image.size)
            #expect(
                try image.size == ImageSize(width: size["width"].int, height: size["height"].int), "\(name)")
            let bytes = try PictureFile.read(recorded.path(name), limit: .max)
            #expect(try Image(encoded: bytes) == image)
            // Pillow turns 16-bit gray into white; the high byte is recorded beside it.
            let sensible = "out.sensible.\(name)"
            let key = recorded.has(sensible) ? sensible : "out.\(name)"
            if let difference = try difference(recorded, key, image, header.format) {
                Issue.record("\(difference)")
            }
        }
        let processor = try recorded.parameters["processor"]
        let side = try processor["size"].int
        for name in try processor["names"].strings {
            let image = try Image(contentsOf: recorded.path(name))
            let fitted = try SpatialTransform.resizeShortestSide(image.size, to: side)
            let transform = try fitted.followed(
                by: .centerCrop(fitted.target, to: ImageSize(width: side, height: side)))
            let key = "out.resized.\(name)"
            // The recorded picture was made from Pillow's decoding; ours is compared where both decode alike.
            let stored = try recorded.tensor("out.\(name)")
            let reference = try Image(
                width: stored.shape[1], height: stored.shape[0], pixels: stored.bytes())
            let resized = try transform.apply(to: reference, filter: .bicubic)
            if let difference = try recorded.difference(
                key, resized.pixels, shape: [resized.height, resized.width, 3])
            {
                Issue.record("\(difference)")
            }
        }
    }

    /// The comparison that the case's notes ask for: exact for lossless formats; for lossy ones the
    /// allowances between decoders.
    private func difference(
        _ recorded: FixtureCase, _ key: String, _ image: Image, _ format: ImageFormat
    ) throws -> String? {
        let shape = [image.height, image.width, 3]
        if format != .jpeg { return try recorded.difference(key, image.pixels, shape: shape) }
        let want = try recorded.bytes(key)
        guard try recorded.shape(key) == shape else {
            return "\(key): shape \(shape), recorded \(try recorded.shape(key))"
        }
        let differences = zip(image.pixels, want).map { abs(Int($0) - Int($1)) }
        let mean = Double(differences.reduce(0, +)) / Double(differences.count)
        let far = differences.count { $0 > 2 }
        guard mean <= 0.5, Double(far) <= 0.001 * Double(differences.count) else {
            return
                "\(key): differs by \(mean) in the mean, in \(far) of \(differences.count) values by more than 2"
        }
        return nil
    }

    /// Every file gives an error that names it.
    private func refuses(_ recorded: FixtureCase) throws {
        let names = try recorded.parameters["names"].strings
        try #require(!names.isEmpty)
        for name in names {
            let path = recorded.path(name)
            let error = #expect(throws: ImagingError.self, "\(name)") { try Image(contentsOf: path) }
            #expect(error?.subject == path)
            #expect(error?.reason.isEmpty == false)
        }
    }
}
