import FixtureSupport
import Foundation
import Imaging
import Support
import Testing

/// Pictures of many megapixels, as a user types it.
@Suite struct LargePictureTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A committed scene, enlarged.
    private func scene(_ width: Int, _ height: Int, _ name: String) throws {
        let scene = try Image(contentsOf: Self.root + "/Examples/EmojiScenes/Samples/000001.jpg")
        try scene.resized(to: ImageSize(width: width, height: height), filter: .bilinear)
            .write(to: folder.file(name), as: .jpeg(quality: 70))
    }

    private func arguments(_ name: String, _ more: [String]) -> [String] {
        [
            "detect", folder.file(name), "--model", Self.root + "/Models/emoji-detector", "--classes",
            "pig nose, trumpet", "--templates", "single", "--score-threshold", "0", "--threads", "1",
        ] + more
    }

    #if os(Linux)
        /// 48 megapixels and some 100 masks, in the results and on the drawing: less than 600 MB in all. The picture takes
        /// 144 MB, as much as three of the masks if they were not kept as what was found.
        @Test("B18: masks of a large picture are not in memory together")
        func masksOfALargePicture() throws {
            try scene(8000, 6000, "48mp.jpg")
            let process = try Program.started(
                arguments(
                    "48mp.jpg",
                    [
                        "--masks", "--results", folder.file("found.jsonl"), "--output",
                        folder.file("drawn"),
                    ]))
            let status = "/proc/\(process.processIdentifier)/status"
            var peak = 0
            while process.isRunning {
                let text = (try? String(contentsOfFile: status, encoding: .utf8)) ?? ""
                if let value = text.firstMatch(of: /VmHWM:\s+(\d+) kB/) {
                    peak = max(peak, Int(value.1) ?? 0)
                }
                usleep(2000)
            }
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
            let found = String(decoding: folder.bytes("found.jsonl"), as: UTF8.self)
            #expect(found.matches(of: /"counts"/).count > 50)
            #expect(
                try ImageHeader(contentsOf: folder.file("drawn/48mp.png")).size
                    == ImageSize(width: 8000, height: 6000))
            #expect(peak > 100 << 10 && peak < 600 << 10, "\(peak >> 10) MB")
        }
    #endif

    /// A picture that is decoded once more to be drawn on is drawn also where results are a file a picture.
    @Test func labelsAndDrawings() throws {
        try scene(2400, 1800, "a.jpg")
        let run = try Program(
            arguments(
                "a.jpg",
                ["--format", "yolo", "--results", folder.file("labels"), "--output", folder.file("drawn")]))
        #expect(run.status == 0, "\(run.errors)")
        #expect(folder.namesOf("drawn") == ["a.png"])
    }
}
