import Foundation
import Imaging

/// A variant of a picture.
enum Form: String, CaseIterable {
    /// Upright and of the same size: only the encoding differs.
    case same
    /// Mirrored, left and right exchanged.
    case mirrored
    /// Of another size.
    case resized
    /// Stored on its side, with an EXIF orientation that turns it upright.
    case turned

    /// The transform from the picture to the variant's upright view.
    func transform(_ size: ImageSize, scale: Double) throws -> SpatialTransform {
        switch self {
        case .same, .turned: try .identity(size)
        case .mirrored: try .horizontalFlip(size)
        case .resized:
            try .resize(
                size,
                to: ImageSize(
                    width: max(1, Int((Double(size.width) * scale).rounded())),
                    height: max(1, Int((Double(size.height) * scale).rounded()))))
        }
    }

    /// Writes a JPEG file whose upright picture is the given one.
    func write(_ image: Image, to path: String) throws {
        let quality = ImageEncoding.jpeg(quality: 95)
        guard self == .turned else { return try image.write(to: path, as: quality) }
        // A picture that EXIF's 6 turns clockwise is stored turned counterclockwise, which is the turn of EXIF's 8.
        let stored = image.upright(from: .left)
        var bytes = try stored.encoded(as: quality)
        bytes.insert(contentsOf: Self.exifSegment(orientation: 6), at: 2)
        try Data(bytes).write(to: URL(filePath: path), options: .atomic)
    }

    /// A segment of a JPEG file with only the orientation, to insert after the file's first two bytes.
    private static func exifSegment(orientation: UInt8) -> [UInt8] {
        let directory: [UInt8] = [
            0x4D, 0x4D, 0, 42, 0, 0, 0, 8,  // big-endian, the directory begins at byte 8
            0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0,  // one entry: a short, the orientation
            0, 0, 0, 0,  // no other directory
        ]
        let contents = Array("Exif".utf8) + [0, 0] + directory
        return [0xFF, 0xE1, 0, UInt8(contents.count + 2)] + contents
    }
}
