import CVips

extension Image {
    /// Decodes a file of any ``ImageFormat``.
    ///
    /// EXIF orientation is applied. Alpha is dropped: colours are kept as they are stored, nothing is
    /// composited (fully transparent pixels of a GIF are black). Of 16-bit samples the high byte is taken. Of several frames or pages the first is read.
    ///
    /// - Throws: ``ImagingError`` with the path and the reason: the file cannot be read, is of no known format,
    ///   damaged, cut short, or exceeds a limit.
    public init(contentsOf path: String, options: DecodingOptions = DecodingOptions()) throws {
        let bytes = try PictureFile.read(path, limit: options.limits.bytes)
        self = try bytes.withUnsafeBytes { try Image(encoded: $0, source: path, options: options) }
    }

    /// Decodes a picture in memory, as ``init(contentsOf:options:)``.
    ///
    /// - Parameter source: A name for errors.
    public init(
        encoded bytes: some Sequence<UInt8>, source: String = "picture",
        options: DecodingOptions = DecodingOptions()
    ) throws {
        func decode(_ buffer: UnsafeBufferPointer<UInt8>) throws -> Image {
            try Image(encoded: UnsafeRawBufferPointer(buffer), source: source, options: options)
        }
        if let image = try bytes.withContiguousStorageIfAvailable(decode) {
            self = image
        } else {
            self = try Array(bytes).withUnsafeBufferPointer(decode)
        }
    }

    /// Decodes a picture in memory, as ``init(contentsOf:options:)``.
    public init(
        encoded bytes: UnsafeRawBufferPointer, source: String = "picture",
        options: DecodingOptions = DecodingOptions()
    ) throws {
        let header = try ImageHeader(encoded: bytes, source: source, limits: options.limits)
        let size = header.storedSize
        do {
            let stored = try Image(uninitialized: size) { pixels in
                try Vips.perform {
                    cvips_decode(
                        bytes.baseAddress, bytes.count, header.format.code,
                        options.colorProfile == .convert ? 1 : 0, pixels.baseAddress, Int32(size.width),
                        Int32(size.height))
                }
            }
            self = stored.upright(from: header.orientation)
        } catch let failure as Vips.Failure {
            throw ImagingError(
                source, reason: "cannot be decoded as \(header.format.rawValue): \(failure.reason)")
        }
    }
}

/// What a file may cost. All of it is checked from the file's size and header, before memory is spent.
public struct DecodingLimits: Sendable, Hashable {
    /// The largest encoded size in bytes.
    public var bytes: Int

    /// The largest number of pixels. Decoding takes 3 bytes for each, twice that while a picture is turned, and
    /// 6 more for a progressive JPEG.
    public var pixels: Int

    /// The largest width or height.
    public var side: Int

    /// The most scans of a progressive JPEG: every scan passes over all pixels again, so that a small file of
    /// many scans takes hours.
    public var scans: Int

    /// Limits; the defaults let every camera's and scanner's pictures pass (up to 178,956,970 pixels, where
    /// Pillow refuses too).
    public init(
        bytes: Int = 256 << 20, pixels: Int = 178_956_970, side: Int = 65_535, scans: Int = 200
    ) {
        self.bytes = bytes
        self.pixels = pixels
        self.side = side
        self.scans = scans
    }

    /// Why a picture of this size is refused, nil when it is not.
    func objection(to size: ImageSize) -> String? {
        guard size.byteCount(channels: 3) != nil else { return "its size of \(size) pixels is not possible" }
        if size.longestSide > side {
            return "its size of \(size) pixels exceeds the limit of \(side) for a side (DecodingLimits.side)"
        }
        if size.width * size.height > pixels {
            return "its size of \(size) pixels exceeds the limit of \(pixels) pixels (DecodingLimits.pixels)"
        }
        return nil
    }
}

/// How a file becomes an ``Image``.
public struct DecodingOptions: Sendable, Hashable {
    /// What is done with an embedded colour profile.
    public enum ColorProfile: Sendable, Hashable {
        /// Samples are converted to sRGB, unless the profile says that they are already.
        case convert

        /// Samples are taken as they are, as Pillow and therefore most training pipelines do.
        case ignore
    }

    /// What a file may cost.
    public var limits: DecodingLimits

    /// What is done with an embedded colour profile.
    public var colorProfile: ColorProfile

    /// Options; without arguments those that suit pictures of unknown origin.
    public init(limits: DecodingLimits = DecodingLimits(), colorProfile: ColorProfile = .convert) {
        self.limits = limits
        self.colorProfile = colorProfile
    }
}
