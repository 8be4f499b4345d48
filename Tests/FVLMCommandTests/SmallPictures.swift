import Foundation
import Testing

/// The smallest of pictures for tests that go through a decoder.
enum SmallPictures {
    /// 4 x 3 gray pixels.
    static func png() throws -> Data {
        try #require(
            Data(
                base64Encoded:
                    "iVBORw0KGgoAAAANSUhEUgAAAAQAAAADCAAAAACRn/EaAAAAC0lEQVR4nGNgQAEAAA8AAbVWKT4AAAAA"
                    + "SUVORK5CYII="))
    }

    /// 4 x 3 pixels as stored, 3 x 4 upright: a JPEG file with EXIF orientation 6.
    static func turnedJPEG() throws -> Data { try #require(Data(base64Encoded: jpeg)) }

    private static let jpeg =
        "/9j/4AAQSkZJRgABAQAAAQABAAD/4QAiRXhpZgAATU0AKgAAAAgAAQESAAMAAAABAAYAAAAAAAD/2wBD"
        + "AP//////////////////////////////////////////////////////////////////////////////"
        + "////////2wBDAf//////////////////////////////////////////////////////////////////"
        + "////////////////////wAARCAADAAQDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAH/xAAU"
        + "EAEAAAAAAAAAAAAAAAAAAAAA/8QAFQEBAQAAAAAAAAAAAAAAAAAAAQL/xAAUEQEAAAAAAAAAAAAAAAAA"
        + "AAAA/9oADAMBAAIRAxEAPwCABb//2Q=="
}
