import COCO

#if canImport(Imaging)
    import Imaging
#endif

/// Reads the sizes of pictures from their headers, as the decoder will turn them.
enum PictureSizes {
    /// The reader, nil where the package is built without a decoder of pictures.
    static var reader: (@Sendable (String) throws -> PictureSize)? {
        #if canImport(Imaging)
            return { path in
                let header = try ImageHeader(contentsOf: path)
                return PictureSize(
                    width: header.size.width, height: header.size.height,
                    isStoredTransposed: header.orientation.swapsAxes)
            }
        #else
            return nil
        #endif
    }
}
