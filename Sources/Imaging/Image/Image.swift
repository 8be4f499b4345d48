/// A picture of 8-bit sRGB pixels, upright, with rows from top to bottom, without gaps.
///
/// ```swift
/// let image = try Image(contentsOf: "street.jpg")
/// print(image.width, image.height, image[0, 0])
/// try image.write(to: "street.png")
/// ```
public struct Image: Sendable, Hashable {
    /// The width in pixels, at least 1.
    public let width: Int

    /// The height in pixels, at least 1.
    public let height: Int

    /// Red, green and blue of every pixel, row by row: `height * width * 3` bytes.
    public private(set) var pixels: [UInt8]

    /// Creates a picture from bytes.
    ///
    /// - Parameters:
    ///   - width: The width in pixels.
    ///   - height: The height in pixels.
    ///   - pixels: RGB, row by row, [height, width, 3].
    /// - Throws: ``ImagingError`` if a side is not positive or the number of bytes does not match the size.
    public init(width: Int, height: Int, pixels: [UInt8]) throws {
        let count = ImageSize(width: width, height: height).byteCount(channels: 3)
        guard count == pixels.count else {
            throw ImagingError(
                reason:
                    "\(width) x \(height) RGB pixels are \(count.map(String.init) ?? "an invalid number of") bytes, "
                    + "but \(pixels.count) bytes were given")
        }
        self.width = width
        self.height = height
        self.pixels = pixels
    }

    /// Creates a picture of one color.
    ///
    /// - Throws: ``ImagingError`` if a side is not positive or the size exceeds the address space.
    public init(width: Int, height: Int, filledWith color: Color = .black) throws {
        let size = ImageSize(width: width, height: height)
        try self.init(uninitialized: size) { bytes in
            if color.red == color.green, color.green == color.blue {
                bytes.update(repeating: color.red)
                return
            }
            for index in stride(from: 0, to: bytes.count, by: 3) {
                bytes[index] = color.red
                bytes[index + 1] = color.green
                bytes[index + 2] = color.blue
            }
        }
    }

    /// Creates a picture from the right number of bytes.
    init(trusted size: ImageSize, _ pixels: [UInt8]) {
        width = size.width
        height = size.height
        self.pixels = pixels
    }

    /// Creates a picture whose bytes are all written by `body`.
    init(
        uninitialized size: ImageSize, _ body: (UnsafeMutableBufferPointer<UInt8>) throws -> Void
    ) throws {
        guard let count = size.byteCount(channels: 3), count <= ImageSize.mostBytes else {
            throw ImagingError(reason: "a picture cannot have \(size) pixels")
        }
        width = size.width
        height = size.height
        pixels = try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            try body(UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
            initialized = count
        }
    }

    /// Width and height.
    public var size: ImageSize { ImageSize(width: width, height: height) }

    /// The pixel at column `x`, row `y`; both must be inside the picture.
    public subscript(x: Int, y: Int) -> Color {
        get {
            let index = (y * width + x) * 3
            return Color(red: pixels[index], green: pixels[index + 1], blue: pixels[index + 2])
        }
        set {
            let index = (y * width + x) * 3
            pixels[index] = newValue.red
            pixels[index + 1] = newValue.green
            pixels[index + 2] = newValue.blue
        }
    }

    /// Gives access to the bytes for changes in place; their number stays.
    mutating func withMutablePixels<Result>(
        _ body: (UnsafeMutableBufferPointer<UInt8>) throws -> Result
    ) rethrows -> Result {
        try pixels.withUnsafeMutableBufferPointer { try body($0) }
    }
}

/// Width and height in pixels.
public struct ImageSize: Sendable, Hashable, CustomStringConvertible {
    /// The width in pixels.
    public var width: Int

    /// The height in pixels.
    public var height: Int

    /// Creates a size of `width` x `height` pixels.
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

    /// The largest number of bytes that a picture may take (6 GiB, 46,340 pixels squared), so that a size from settings
    /// or arithmetic cannot exhaust memory and end the process.
    static let mostBytes = 6 << 30

    /// The number of bytes with `channels` bytes per pixel; nil if a side is not positive or the product is too large.
    func byteCount(channels: Int) -> Int? {
        guard width > 0, height > 0 else { return nil }
        let (pixels, tooMany) = width.multipliedReportingOverflow(by: height)
        let (bytes, tooLarge) = pixels.multipliedReportingOverflow(by: channels)
        return tooMany || tooLarge ? nil : bytes
    }
}
