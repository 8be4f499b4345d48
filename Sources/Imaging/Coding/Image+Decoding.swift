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
        let bytes = try FileBytes.read(path, limit: options.limits.bytes)
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
                source: source, reason: "cannot be decoded as \(header.format.rawValue): \(failure.reason)")
        }
    }
}
