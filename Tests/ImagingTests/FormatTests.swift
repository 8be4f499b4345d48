import Foundation
import Testing

@testable import Imaging

/// Formats and color spaces that the recorded cases do not have. The pictures were written by Pillow 13; all
/// but the color patches show `(9 x + 5 y + 60 channel) mod 256` on 16 x 12 pixels.
@Suite struct FormatTests {
    private func path(_ name: String) -> String {
        URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Pictures/\(name)").path
    }

    private func shown() throws -> Image {
        var image = try Image(width: 16, height: 12)
        for y in 0..<12 {
            for x in 0..<16 {
                let value = x * 9 + y * 5
                image[x, y] = Color(
                    red: UInt8(value % 256), green: UInt8((value + 60) % 256),
                    blue: UInt8((value + 120) % 256))
            }
        }
        return image
    }

    private func difference(_ a: Image, _ b: Image) -> (mean: Double, most: Int) {
        let all = zip(a.pixels, b.pixels).map { abs(Int($0) - Int($1)) }
        return (Double(all.reduce(0, +)) / Double(all.count), all.max() ?? 0)
    }

    @Test(arguments: ["rgb.tif", "cmyk.tif"]) func tiff(_ name: String) throws {
        #expect(try Image(contentsOf: path(name)) == shown())
    }

    /// CIELab with ICC's profile of it, as Pillow and Photoshop write it: eight bits of Lab are coarse.
    @Test("A10: a picture in Lab") func pictureInLab() throws {
        let found = difference(try Image(contentsOf: path("lab.tif")), try shown())
        #expect(found.mean < 4 && found.most <= 16, "\(found)")
    }

    /// (255 - ink) (255 - black) / 255, as Pillow since 4.3.
    @Test("A10: black ink darkens by a share") func blackInkDarkensByAShare() throws {
        let image = try Image(contentsOf: path("cmyk-black.tif"))
        for y in 0..<16 {
            for x in 0..<16 {
                func shown(_ ink: Int) -> UInt8 {
                    UInt8((Double((255 - ink) * (255 - y * 17)) / 255).rounded())
                }
                let color = Color(red: shown(x * 17), green: shown(255 - x * 17), blue: shown(64))
                #expect(image[x, y] == color, "\(x), \(y)")
            }
        }
    }

    /// Ink of JPEGs is stored inverted, with and without Adobe's mark; the third has its inks as YCCK. One color each,
    /// as Pillow 13 shows it.
    @Test(arguments: [
        ("cmyk-adobe.jpg", Color(red: 63, green: 95, blue: 127)),
        ("cmyk-bare.jpg", Color(red: 63, green: 95, blue: 127)),
        ("ycck.jpg", Color(red: 0, green: 120, blue: 8)),
    ]) func jpegOfInks(_ name: String, color: Color) throws {
        let image = try Image(contentsOf: path(name))
        #expect(image[5, 5] == color)
    }

    @Test func sixteenBitTIFFGivesTheHighByte() throws {
        let image = try Image(contentsOf: path("gray16.tif"))
        // ITU-R 601 luma of (0, 60, 120), as Pillow rounds it, times 256 plus 77.
        #expect(image[0, 0] == Color(red: 49, green: 49, blue: 49))
    }

    @Test func oneBit() throws {
        let values = Set(try Image(contentsOf: path("bits.png")).pixels)
        #expect(values == [0, 255])
    }

    @Test func theFirstFrameOfAGIF() throws {
        let image = try Image(contentsOf: path("two-frames.gif"))
        #expect(image.size == ImageSize(width: 16, height: 12))
        // 16 colors come close.
        #expect(difference(image, try shown()).mean < 6)
    }

    @Test func orientationOfWebP() throws {
        let image = try Image(contentsOf: path("exif-8.webp"))
        #expect(try image == shown().upright(from: .left))
        let header = try ImageHeader(contentsOf: path("exif-8.webp"))
        #expect(header.orientation == .left)
        #expect(header.size == ImageSize(width: 12, height: 16))
        #expect(header.storedSize == ImageSize(width: 16, height: 12))
    }

    @Test(.enabled(if: ImageFormat.heif.isReadable)) func avif() throws {
        let image = try Image(contentsOf: path("photo.avif"))
        #expect(difference(image, try shown()).mean < 3)
        let bytes = try PictureFile.read(path("photo.avif"), limit: 1 << 20)
        #expect(throws: ImagingError.self) { try Image(encoded: bytes.dropLast(bytes.count / 3)) }
    }

    @Test func samplesWithoutARangeAreRefused() throws {
        let error = #expect(throws: ImagingError.self) { try Image(contentsOf: path("float.tif")) }
        #expect(error?.reason.contains("float") == true)
    }

    /// Colors of a profile with the primaries of Display P3 and a gamma of 2.2, against LittleCMS 2 as Pillow
    /// runs it (relative colorimetric, black point compensation).
    @Test func profilesAreConverted() throws {
        let want: [UInt8] = [
            255, 255, 255, 0, 0, 0, 129, 129, 129, 216, 93, 24, 0, 164, 81, 255, 0, 0, 28, 58, 230, 0, 205,
            203,
        ]
        let converted = try Image(contentsOf: path("wide-gamut.png"))
        #expect(zip(converted.pixels, want).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
        let stored: [UInt8] = [
            255, 255, 255, 0, 0, 0, 128, 128, 128, 200, 100, 50, 60, 160, 90, 255, 0, 0, 40, 60, 220, 10, 200,
            200,
        ]
        let ignored = try Image(
            contentsOf: path("wide-gamut.png"), options: DecodingOptions(colorProfile: .ignore))
        #expect(ignored.pixels == stored)
        #expect(try ImageHeader(contentsOf: path("wide-gamut.png")).hasColorProfile)
        // sRGB's own profile changes nothing, not even by rounding.
        #expect(try Image(contentsOf: path("srgb.png")).pixels == stored)
    }
}
