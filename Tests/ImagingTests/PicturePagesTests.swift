import FixtureSupport
import Testing

@testable import Imaging

/// Files that hold several pictures.
@Suite struct PicturePagesTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func page(_ image: Image) -> TestTIFF.Picture {
        TestTIFF.Picture(width: image.width, height: image.height, pixels: image.pixels)
    }

    /// Pages of different sizes, in any order.
    @Test(arguments: [nil, 16]) func pagesOfATIFF(_ tile: Int?) throws {
        let images = try [
            patternImage(width: 40, height: 30), patternImage(width: 20, height: 50, seed: 2),
            patternImage(width: 9, height: 9, seed: 3),
        ]
        let path = try folder.write(TestTIFF.bytes(images.map(page), tile: tile), "a.tif")
        let pages = try PicturePages(contentsOf: path)
        #expect(pages.count == 3 && pages.duration == nil)
        for index in [2, 0, 1] { #expect(try pages.page(index) == images[index]) }
        #expect(throws: ImagingError.self) { try pages.page(3) }
    }

    /// A GIF of two frames of 2 x 1 pixels, black and white, then white and black, shown for 0.2 seconds and for an unsaid time.
    static let gif: [UInt8] = {
        let head: [UInt8] = Array("GIF89a".utf8) + [2, 0, 1, 0, 0x80, 0, 0, 0, 0, 0, 255, 255, 255]
        func frame(_ delay: UInt8, _ data: [UInt8]) -> [UInt8] {
            [0x21, 0xF9, 4, 4, delay, 0, 0, 0, 0x2C, 0, 0, 0, 0, 2, 0, 1, 0, 0, 2, UInt8(data.count)] + data
                + [0]
        }
        // Codes of three bits: clear (4), two pixels, end (5).
        return head + frame(20, [0b0100_0100, 0b0000_1010]) + frame(0, [0b0000_1100, 0b0000_1010]) + [0x3B]
    }()

    @Test func framesOfAGIF() throws {
        let path = try folder.write(Self.gif, "a.gif")
        let pages = try PicturePages(contentsOf: path)
        #expect(pages.count == 2 && pages.delays == [0.2, 0.1])
        #expect(try pages.page(0).pixels == [0, 0, 0, 255, 255, 255])
        // Once, and in order.
        #expect(throws: ImagingError.self) { try pages.page(0) }
        #expect(try pages.page(1).pixels == [255, 255, 255, 0, 0, 0])
    }

    @Test func aSinglePictureIsOnePage() throws {
        let image = try patternImage(width: 12, height: 8)
        try image.write(to: folder.file("a.png"))
        let pages = try PicturePages(contentsOf: folder.file("a.png"))
        #expect(try pages.count == 1 && pages.page(0) == image && pages.page(0) == image)
        #expect(throws: ImagingError.self) { try PicturePages(contentsOf: folder.file("none.gif")) }
    }
}
