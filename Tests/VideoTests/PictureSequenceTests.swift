import FixtureSupport
import Imaging
import Testing
import Video

/// Pictures as the frames of a film.
@Suite struct PictureSequenceTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        for number in 0..<6 {
            let shade = UInt8(40 * number)
            try Image(width: 3, height: 2, filledWith: Color(red: shade, green: shade, blue: shade))
                .write(to: folder.write("", "burst/IMG_\(number).png"))
        }
        try folder.write("notes", "burst/notes.txt")
    }

    private func frames(_ name: String, _ change: (inout FrameOptions) -> Void = { _ in }) throws -> (
        times: [Double], shades: [Int], indices: [Int], rate: Double
    ) {
        var options = FrameOptions()
        change(&options)
        let sequence = try PictureSequence(folder.file(name), options: options)
        var frames: [VideoFrame] = []
        while let frame = try sequence.next() { frames.append(frame) }
        return (
            frames.map(\.time), frames.map { Int($0.image.pixels[0]) / 40 }, frames.map(\.index),
            sequence.frameRate
        )
    }

    @Test func aBurstIsReadInTheOrderOfItsNames() throws {
        let all = try frames("burst")
        #expect(all.shades == Array(0..<6) && all.indices == Array(0..<6) && all.rate == 10)
        #expect(all.times == [0, 0.1, 0.2, 0.3, 0.4, 0.5])
        let some = try frames("burst") {
            $0.stride = 2
            $0.frameRate = 4
        }
        #expect(some.shades == [0, 2, 4] && some.times == [0, 0.5, 1] && some.rate == 2)
        #expect(try frames("burst") { $0.start = 0.35 }.shades == [4, 5])
    }

    @Test func aPositionSkipsWhatWasRead() throws {
        let rest = try frames("burst") {
            $0.stride = 2
            $0.position = FramePosition(frames: 1, time: 0)
        }
        #expect(rest.shades == [2, 4] && rest.indices == [1, 2] && rest.times == [0.2, 0.4])
    }

    /// Pages follow each other at the rate, and animations have their own times.
    @Test func pagesAndAnimationsAreSequences() throws {
        let pages = (0..<3).map {
            TestTIFF.Picture(width: 1, height: 1, pixels: [UInt8](repeating: UInt8(40 * $0), count: 3))
        }
        try folder.write(TestTIFF.bytes(pages, tile: nil), "scan.tif")
        #expect(try frames("scan.tif") { $0.frameRate = 1 }.times == [0, 1, 2])
        #expect(PictureSequence.isSequence(folder.file("burst")) && PictureSequence.isSequence("a/b.WEBP"))
        #expect(!PictureSequence.isSequence("film.mp4") && !PictureSequence.isSequence("a.png"))
    }

    @Test func aFolderWithoutPicturesIsNamed() throws {
        try folder.write("", "empty/notes.txt")
        let error = #expect(throws: ImagingError.self) { try PictureSequence(folder.file("empty")) }
        #expect(error?.description.contains("without pictures") == true)
    }
}
