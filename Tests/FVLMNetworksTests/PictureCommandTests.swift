import FixtureSupport
import Foundation
import Imaging
import Support
import Testing

@testable import FVLMNetworks

/// The ways by which pictures reach a command.
@Suite struct PictureCommandTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try SmallDetector.write(to: folder.file("model"))
    }

    private func picture(_ name: String, _ shade: UInt8 = 90, width: Int = 48) throws {
        var image = try Image(width: width, height: 32, filledWith: .white)
        for x in 0..<30 {
            for y in 0..<20 { image[x, y] = Color(red: shade, green: UInt8(x * 8), blue: 40) }
        }
        try folder.write("", name)
        try folder.write(image.encoded(as: .png()), name)
    }

    private func detect(_ arguments: [String], input: String? = nil) throws -> Program {
        try Program(
            ["detect"] + arguments + [
                "--model", folder.file("model"), "--classes", "dog, cat", "--templates", "single",
                "--score-threshold", "0", "--set", "input.size=64", "--set", "scoring.limit=3",
                "--threads", "1",
            ], input: input)
    }

    private func files(_ program: Program) throws -> [String] {
        try program.output.split(separator: "\n").map { line in
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            return String(try #require(object?["file"] as? String).dropFirst(folder.path.count + 1))
        }
    }

    /// Every name that pictures go by is found; what is passed over is counted.
    @Test("A12, A13: folders as people keep them") func foldersAsPeopleKeepThem() throws {
        for name in ["a.jpg", "b.jfif", "c.JPE", "d.mpo", "deep/e.png"] { try picture("photos/" + name) }
        for name in ["._a.jpg", ".DS_Store", "notes.txt"] { try folder.write("x", "photos/" + name) }
        let run = try detect([folder.file("photos"), "--json"])
        #expect(run.status == 0, "\(run.errors)")
        #expect(try files(run) == ["photos/a.jpg", "photos/b.jfif", "photos/c.JPE", "photos/d.mpo"])
        #expect(
            run.errors.contains(
                "skipped 2 hidden files, 1 .txt file, 1 sub-folder (--recursive reads them)"))
        let all = try detect([folder.file("photos"), "--json", "--recursive"])
        #expect(try files(all).last == "photos/deep/e.png" && files(all).count == 5)
    }

    @Test("A15: lists ended by NUL") func listsEndedByNUL() throws {
        for name in ["a b.png", "c\nd.png"] { try picture(name) }
        let run = try detect(
            ["-", "--json"], input: "\(folder.file("a b.png"))\0\(folder.file("c\nd.png"))\0")
        #expect(try run.status == 0 && files(run) == ["a b.png", "c\nd.png"], "\(run.errors)")
    }

    /// A name that is not UTF-8 is read, and shown as well as it can be.
    @Test("A20: names that are no text") func namesThatAreNoText() throws {
        try picture("photos/x.png")
        let path = folder.file("photos/caf") + String(pathBytes: [0xE9]) + ".png"
        #expect(path.withPathPointer { rename(folder.file("photos/x.png"), $0) } == 0)
        let run = try detect([folder.file("photos"), "--json"])
        #expect(try run.status == 0 && files(run) == ["photos/caf\u{FFFD}.png"], "\(run.errors)")
    }

    /// A drawing takes a free name, whatever is in the folder: another run's drawing, or the picture itself.
    @Test("A01, B15, B16: drawings replace nothing") func drawingsReplaceNothing() throws {
        try picture("a/x.png", 10)
        try picture("b/x.png", 200)
        let before = folder.bytes("a/x.png")
        for name in ["a", "b"] {
            #expect(try detect([folder.file(name), "--output", folder.file("out")]).status == 0)
        }
        #expect(try FolderEntry.all(in: folder.file("out")).map(\.name) == ["x-2.png", "x.png"])
        #expect(folder.bytes("out/x.png") != folder.bytes("out/x-2.png"))
        _ = try detect([folder.file("a"), "--output", folder.file("a")])
        #expect(folder.bytes("a/x.png") == before)
    }

    @Test("A19: long names") func longNames() throws {
        let stem = String(repeating: "n", count: 251)
        try picture("a/\(stem).png")
        for _ in 0..<2 {
            #expect(try detect([folder.file("a"), "--output", folder.file("out")]).status == 0)
        }
        #expect(
            try FolderEntry.all(in: folder.file("out")).map(\.name) == [
                stem.dropLast(2) + "-2.png", stem + ".png",
            ])
    }

    /// The same pictures give the same detections one by one and together, whatever the others are: rounding alone may
    /// differ, by which kernels a processor chooses.
    @Test("B40: batches change nothing", arguments: ["longestSide", "shortestSide"])
    func batchesChangeNothing(_ fitting: String) throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
        for (number, name) in ["000001", "000003", "000005"].enumerated() {
            let scene = try Image(contentsOf: "\(root)/Examples/EmojiScenes/Samples/\(name).jpg")
            let size = ImageSize(width: [256, 180, 256][number], height: [190, 256, 256][number])
            try folder.write("", "photos/\(number).png")
            try scene.resized(to: size, filter: .bilinear).write(to: folder.file("photos/\(number).png"))
        }
        func scores(_ batchSize: Int) throws -> [[Double]] {
            let run = try Program([
                "detect", folder.file("photos"), "--model", root + "/Models/emoji-detector", "--classes",
                "pig nose, trumpet", "--templates", "single", "--score-threshold", "0.01", "--json",
                "--batch-size",
                "\(batchSize)", "--set", "input.fitting=\(fitting)", "--threads", "1",
            ])
            #expect(run.status == 0, "\(run.errors)")
            return try run.output.split(separator: "\n").map { line in
                let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                let found = try #require(object?["detections"] as? [[String: Any]])
                return found.compactMap { $0["score"] as? Double }
            }
        }
        let (single, together) = (try scores(1), try scores(3))
        #expect(single.map(\.count) == together.map(\.count) && single.contains { !$0.isEmpty })
        for (a, b) in zip(single.joined(), together.joined()) { #expect(abs(a - b) < 1e-4) }
    }
}
