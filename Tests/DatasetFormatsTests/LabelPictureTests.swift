import COCO
import DatasetFormats
import FixtureSupport
import Testing

@Suite struct LabelPictureTests {
    @Test func numbersComeBack() throws {
        let numbers = (0..<37 * 19).map { UInt8($0 % 251) }
        let picture = LabelPicture(width: 37, height: 19, numbers: numbers)
        #expect(try LabelPicture(png: picture.png(hasPalette: true)).numbers == numbers)
        #expect(
            try LabelPicture(png: picture.png(hasPalette: false)).numbers == numbers.map { $0 == 0 ? 0 : 255 }
        )
    }

    @Test func damagedFilesAreRefused() throws {
        let whole = LabelPicture(width: 9, height: 5, numbers: Array(repeating: 3, count: 45)).png(
            hasPalette: true)
        for count in 0..<whole.count - 12 {
            #expect(throws: COCOError.self) { try LabelPicture(png: whole[..<count]) }
        }
        for index in whole.indices {
            var bytes = whole
            bytes[index] ^= 0x55
            _ = try? LabelPicture(png: bytes)
        }
    }

    @Test func masksArePlacedAndCutOff() throws {
        let picture = LabelPicture(width: 3, height: 2, numbers: [1, 0, 1, 1, 1, 0])
        let mask = try picture.mask(left: 4, top: -1, width: 6, height: 4)
        // The lower row alone, whose first two pixels lie in the picture and are set.
        #expect(mask.box == BoundingBox(x: 4, y: 0, width: 2, height: 1) && mask.area == 2)
        #expect(try picture.mask(left: 9, top: 9, width: 6, height: 4).area == 0)
    }
}
