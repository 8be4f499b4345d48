/// Width and height in pixels.
public struct ImageSize: Sendable, Hashable, CustomStringConvertible {
    /// Pixels in a row.
    public var width: Int

    /// Rows.
    public var height: Int

    /// A size of `width` x `height` pixels.
    public init(width: Int, height: Int) {
        self.width = width
        self.height = height
    }

    /// The smaller side.
    public var shortestSide: Int { min(width, height) }

    /// The larger side.
    public var longestSide: Int { max(width, height) }

    /// Width and height exchanged.
    public var transposed: ImageSize { ImageSize(width: height, height: width) }

    /// `width x height`.
    public var description: String { "\(width) x \(height)" }

    /// The most bytes that a picture takes (6 GiB, 46,340 pixels squared): a size that settings or arithmetic
    /// made up must not end the process for want of memory.
    static let mostBytes = 6 << 30

    /// The number of bytes of `channels` bytes a pixel; nil when a side is not positive or the product does
    /// not fit.
    func byteCount(channels: Int) -> Int? {
        guard width > 0, height > 0 else { return nil }
        let (pixels, tooMany) = width.multipliedReportingOverflow(by: height)
        let (bytes, tooLarge) = pixels.multipliedReportingOverflow(by: channels)
        return tooMany || tooLarge ? nil : bytes
    }
}
