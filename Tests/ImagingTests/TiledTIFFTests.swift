import FixtureSupport
import Testing

@testable import Imaging

/// Pictures of which parts are read.
@Suite struct TiledTIFFTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func file(
        _ images: [Image], tile: Int? = 16, orientation: Int = 1, isLittle: Bool = true
    ) throws -> String {
        let pages = images.map {
            TestTIFF.Picture(width: $0.width, height: $0.height, pixels: $0.pixels)
        }
        return try folder.write(
            TestTIFF.bytes(pages, tile: tile, orientation: orientation, isLittle: isLittle), "a.tif")
    }

    private func part(_ image: Image, _ columns: Range<Int>, _ rows: Range<Int>) -> [Color] {
        rows.flatMap { y in columns.map { image[$0, y] } }
    }

    /// A part is that part of the picture decoded as a whole, in every orientation and order of bytes.
    @Test(arguments: Array(1...8)) func partsAreThoseOfTheWhole(_ orientation: Int) throws {
        let path = try file(
            [patternImage(width: 70, height: 41)], orientation: orientation, isLittle: orientation % 2 == 1)
        let whole = try Image(contentsOf: path)
        let tiff = try TiledTIFF(contentsOf: path)
        #expect(tiff.size == whole.size)
        for (columns, rows) in [(0..<40, 0..<41), (13..<34, 9..<35), (39..<40, 0..<1)] {
            let image = try tiff.region(columns: columns, rows: rows)
            #expect(image.size == ImageSize(width: columns.count, height: rows.count))
            #expect(part(image, 0..<image.width, 0..<image.height) == part(whole, columns, rows))
            #expect(try whole.region(columns: columns, rows: rows) == image)
        }
    }

    @Test func aPartOutsideIsAnError() throws {
        let tiff = try TiledTIFF(contentsOf: file([patternImage(width: 70, height: 41)]))
        for (columns, rows) in [(0..<71, 0..<5), (3..<3, 0..<5), (-1..<5, 0..<5), (0..<5, 40..<42)] {
            #expect(throws: ImagingError.self) { try tiff.region(columns: columns, rows: rows) }
        }
    }

    /// The mean of whole blocks of pixels, from the copy of half the size where there is one.
    @Test(arguments: [false, true]) func theWholeIsMadeSmaller(_ hasCopy: Bool) throws {
        var large = try Image(width: 64, height: 48)
        for y in 0..<48 { for x in 0..<64 { large[x, y] = Color(red: UInt8(x), green: UInt8(y), blue: 9) } }
        // A copy that shows that it is used.
        let copy = try Image(width: 32, height: 24, filledWith: Color(red: 50, green: 60, blue: 70))
        let tiff = try TiledTIFF(contentsOf: file(hasCopy ? [large, copy] : [large]))
        let reduced = try tiff.reduced(by: 4)
        #expect(reduced.image.size == ImageSize(width: 16, height: 12))
        #expect(reduced.transform.apply(to: Point(x: 64, y: 48)) == Point(x: 16, y: 12))
        let mean = reduced.image[3, 2]
        // Columns 12 to 15 and rows 8 to 11.
        let expected =
            hasCopy ? Color(red: 50, green: 60, blue: 70) : Color(red: 14, green: 10, blue: 9)
        #expect(
            abs(Int(mean.red) - Int(expected.red)) <= 1 && abs(Int(mean.green) - Int(expected.green)) <= 1)
        #expect(mean.blue == expected.blue)
        #expect(try tiff.reduced(by: 1).image == large)
    }

    /// Pages that are other pictures are no copies.
    @Test func otherPagesAreNotUsed() throws {
        let large = try patternImage(width: 64, height: 48)
        let other = try Image(width: 40, height: 30, filledWith: .white)
        let tiff = try TiledTIFF(contentsOf: file([large, other]))
        #expect(try tiff.reduced(by: 2).image != Image(width: 32, height: 24, filledWith: .white))
    }

    @Test func otherFilesAreDecodedAsAWhole() throws {
        let image = try patternImage(width: 40, height: 30)
        let strips = try file([image], tile: nil)
        #expect(try TiledTIFF.picture(contentsOf: strips) as? Image == image)
        #expect(throws: ImagingError.self) { try TiledTIFF(contentsOf: strips) }
        try image.write(to: folder.file("a.png"))
        #expect(try TiledTIFF.picture(contentsOf: folder.file("a.png")) as? Image == image)
        #expect(throws: ImagingError.self) { try TiledTIFF.picture(contentsOf: folder.file("none.tif")) }
        try folder.write([0x49, 0x49, 42, 0, 255, 255, 255, 255], "cut.tif")
        #expect(throws: ImagingError.self) { try TiledTIFF.picture(contentsOf: folder.file("cut.tif")) }
    }

    @Test func aDamagedTileIsAnError() throws {
        let path = try file([patternImage(width: 70, height: 41)])
        let bytes = folder.bytes("a.tif")
        // The directory comes behind the tiles: cut it, and then only what the last entries point to.
        try folder.write(bytes[..<(bytes.count / 2)], "cut.tif")
        #expect(throws: ImagingError.self) { try TiledTIFF(contentsOf: folder.file("cut.tif")) }
        #expect(throws: Never.self) { try TiledTIFF(contentsOf: path) }
    }
}
