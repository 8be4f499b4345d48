import CVips
import Support

extension Image {
    /// Decodes a file of any ``ImageFormat``.
    ///
    /// EXIF orientation is applied. Alpha is dropped: colors are kept as stored, nothing is composited (fully
    /// transparent pixels of a GIF are black). 16-bit samples are reduced to their high byte. Only the first frame or
    /// page is read.
    ///
    /// - Throws: ``ImagingError`` with the path and the reason: the file cannot be read, has an unknown format, is
    ///   damaged or truncated, or exceeds a limit.
    public init(contentsOf path: String, options: DecodingOptions = DecodingOptions()) throws {
        let bytes = try PictureFile.read(path, limit: options.limits.bytes)
        self = try bytes.withUnsafeBytes { try Image(encoded: $0, source: path, options: options) }
    }

    /// Decodes a picture in memory, like ``init(contentsOf:options:)``.
    ///
    /// - Parameters:
    ///   - bytes: The encoded picture.
    ///   - source: A name for errors.
    ///   - options: How it is decoded.
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

    /// Decodes a picture in memory, like ``init(contentsOf:options:)``.
    public init(
        encoded bytes: UnsafeRawBufferPointer, source: String = "picture",
        options: DecodingOptions = DecodingOptions()
    ) throws {
        let header = try ImageHeader(encoded: bytes, source: source, limits: options.limits)
        let size = header.storedSize
        if header.format == .png, let chunk = PNGChunks.damaged(bytes) {
            throw ImagingError(source, reason: "cannot be decoded as PNG: the checksum of \(chunk) is wrong")
        }
        do {
            // Pixels are put where they are upright: a second picture to turn it would take as much memory again.
            let order = header.orientation.order(of: size)
            self = try Image(uninitialized: header.size) { pixels in
                try Vips.perform {
                    cvips_decode(
                        bytes.baseAddress, bytes.count, header.format.code,
                        options.colorProfile == .convert ? 1 : 0, pixels.baseAddress,
                        cvips_order(
                            start: Int64(order.start), across: Int64(order.across), down: Int64(order.down)),
                        Int32(size.width), Int32(size.height))
                }
            }
        } catch let failure as Vips.Failure {
            throw ImagingError(
                source, reason: "cannot be decoded as \(header.format.rawValue): \(failure.reason)")
        }
    }
}

/// Limits on the cost of decoding a file. All are checked against the file's size and header before memory is
/// allocated.
public struct DecodingLimits: Sendable, Hashable {
    /// The largest encoded size in bytes.
    public var bytes: Int

    /// The largest number of pixels. Decoding takes 3 bytes per pixel, and 6 more for a progressive JPEG.
    public var pixels: Int

    /// The largest width or height.
    public var side: Int

    /// The largest number of scans of a progressive JPEG: every scan visits all pixels again, so a small file with many
    /// scans can take hours.
    public var scans: Int

    /// Creates limits; the defaults accept the pictures of every camera and scanner (up to 178,956,970 pixels, where
    /// Pillow refuses too).
    public init(
        bytes: Int = 256 << 20, pixels: Int = 178_956_970, side: Int = 65_535, scans: Int = 200
    ) {
        self.bytes = bytes
        self.pixels = pixels
        self.side = side
        self.scans = scans
    }

    /// Why a picture of this size is refused; nil if it is accepted.
    func objection(to size: ImageSize) -> String? {
        guard size.byteCount(channels: 3) != nil else { return "its size of \(size) pixels is out of range" }
        if size.longestSide > side {
            return "its size of \(size) pixels exceeds the limit of \(side) for a side (DecodingLimits.side)"
        }
        if size.width * size.height > pixels {
            return "its size of \(size) pixels exceeds the limit of \(pixels) pixels (DecodingLimits.pixels)"
        }
        return nil
    }
}

/// How a file is decoded into an ``Image``.
public struct DecodingOptions: Sendable, Hashable {
    /// The treatment of an embedded color profile.
    public enum ColorProfile: Sendable, Hashable {
        /// Samples are converted to sRGB, unless the profile already is sRGB.
        case convert

        /// Samples are used as stored, as in Pillow and therefore in most training pipelines.
        case ignore
    }

    /// Limits on the cost of decoding.
    public var limits: DecodingLimits

    /// The treatment of an embedded color profile.
    public var colorProfile: ColorProfile

    /// Creates options; the defaults suit pictures of unknown origin.
    public init(limits: DecodingLimits = DecodingLimits(), colorProfile: ColorProfile = .convert) {
        self.limits = limits
        self.colorProfile = colorProfile
    }
}

/// Reads and writes whole picture files.
package enum PictureFile {
    /// Reads a file, or one in a tar archive (`shards/000.tar/cat.jpg`). It is not mapped, because a file that shrinks while
    /// mapped would end the process.
    ///
    /// - Throws: ``ImagingError`` if the file cannot be read or exceeds `limit` bytes.
    package static func read(_ path: String, limit: Int = DecodingLimits().bytes) throws -> [UInt8] {
        do {
            if let place = TarArchive.archive(in: path) {
                return try TarArchive.shared(place.archive).bytes(
                    of: place.name, limit: limit, limitName: "DecodingLimits.bytes")
            }
            return try FileBytes(
                contentsOf: path, access: .read, limit: limit, limitName: "DecodingLimits.bytes"
            ).array
        } catch {
            throw ImagingError(error)
        }
    }

    /// The reason given when a file is refused for its size.
    static func excess(_ size: Int, _ limit: Int) -> String {
        "its \(size) bytes exceed the limit of \(limit) (DecodingLimits.bytes)"
    }

    /// Writes a file so that its name always refers to a complete one.
    static func write(_ bytes: [UInt8], to path: String) throws {
        do { try AtomicFile.write(bytes, to: path) } catch { throw ImagingError(error) }
    }
}

extension ImagingError {
    /// A file that cannot be used.
    init(_ failure: FileFailure) {
        self.init(failure.subject, reason: failure.reason, exitStatus: failure.exitStatus)
    }
}
