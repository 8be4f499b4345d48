/// The outline of an object in one of the three forms that COCO files mix.
public enum Segmentation: Sendable, Hashable {
    /// Rings of points `x0, y0, x1, y1, ...` in pixels of the image; the object is their union.
    case polygons([[Double]])

    /// Lengths of runs down the columns of a `height` x `width` mask, in turn of zeros and of ones.
    case runLengths(height: Int, width: Int, counts: [UInt32])

    /// The same runs in the packed text form of the COCO tools (ASCII).
    case compressedRunLengths(height: Int, width: Int, counts: [UInt8])
}
