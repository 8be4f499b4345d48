import FixtureSupport
import Foundation
import Imaging
import Testing

/// `fvlm detect --tile`, as a user types it.
@Suite struct DetectTilesTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try SmallDetector.write(to: folder.file("model"))
        var image = try Image(width: 120, height: 70, filledWith: .white)
        for x in 20..<90 { for y in 10..<50 { image[x, y] = Color(red: 9, green: UInt8(2 * x), blue: 200) } }
        try image.write(to: folder.write("", "pictures/a.png"))
        try folder.write(
            TestTIFF.bytes([TestTIFF.Picture(width: 120, height: 70, pixels: image.pixels)], tile: 32),
            "pictures/b.tif")
    }

    private func run(_ more: [String], _ picture: String = "pictures") throws -> Program {
        try Program(
            [
                "detect", folder.file(picture), "--model", folder.file("model"), "--classes", "dog, cat",
                "--score-threshold", "0", "--set", "input.size=64", "--set", "scoring.limit=3", "--threads",
                "1",
            ] + more)
    }

    /// The decoded picture and the file that is read part by part have the same objects; a killed run would go on.
    @Test func picturesAreLookedAtInTiles() throws {
        let run = try run([
            "--tile", "64", "--overlap", "0.25", "--json", "--masks", "--results", folder.file("found"),
            "--output",
            folder.file("drawn"),
        ])
        #expect(run.status == 0, "\(run.errors)")
        let lines = try String(decoding: folder.bytes("found"), as: UTF8.self).split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
        #expect(lines.count == 2 && lines.allSatisfy { $0["width"] as? Int == 120 })
        let boxes = lines.map { line in
            (line["detections"] as? [[String: Any]] ?? []).map { $0["box"] as? [Double] ?? [] }
        }
        // More than the three of a single look.
        #expect(boxes[0] == boxes[1] && boxes[0].count > 3)
        #expect(["a.png", "b.png"].allSatisfy(folder.namesOf("drawn").contains))
        let other = try self.run([
            "--tile", "32", "--json", "--results", folder.file("found"), "--resume",
        ])
        #expect(other.status != 0 && other.errors.contains("choice of tiles"), "\(other.errors)")
    }

    @Test(arguments: [
        (["--overlap", "0.3"], "add --tile"), (["--no-whole"], "add --tile"), (["--tile", "8"], "from 16"),
        (["--tile", "64", "--overlap", "1"], "overlap"),
        (["--tile", "64", "--match", "iou"], "--merge"), (["--tile", "64", "--merge", "all"], "--merge"),
    ])
    func whatIsWrongIsNamed(_ more: [String], _ text: String) throws {
        let run = try run(more)
        #expect(run.status == 64 && run.errors.contains(text) && run.output.isEmpty, "\(run.errors)")
    }

    /// A part of the file is missing: the others are done.
    @Test func aDamagedFileIsSkipped() throws {
        let bytes = folder.bytes("pictures/b.tif")
        try folder.write(bytes[..<(bytes.count - 40)], "pictures/b.tif")
        let run = try run(["--tile", "64", "--json"])
        #expect(run.status == 1 && run.errors.contains("b.tif"), "\(run.errors)")
        #expect(run.output.split(separator: "\n").count == 1)
    }
}
