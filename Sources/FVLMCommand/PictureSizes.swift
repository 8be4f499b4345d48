import COCO
import Imaging

/// Reads the sizes of pictures from their headers, as the decoder will turn them.
enum PictureSizes {
    /// The reader.
    static let reader: @Sendable (String) throws -> PictureSize = { path in
        let header = try ImageHeader(contentsOf: path)
        return PictureSize(
            width: header.size.width, height: header.size.height,
            isStoredTransposed: header.orientation.swapsAxes)
    }
}
