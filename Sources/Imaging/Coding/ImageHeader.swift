import CVips

/// The properties of a picture file, read without decoding it.
public struct ImageHeader: Sendable, Hashable {
    /// The file format.
    public let format: ImageFormat

    /// The size of the stored picture.
    public let storedSize: ImageSize

    /// How the stored picture must be turned; ``EXIFOrientation/up`` if the decoder applies the orientation itself
    /// (HEIF).
    public let orientation: EXIFOrientation

    /// Whether an ICC color profile is embedded.
    public let hasColorProfile: Bool

    /// The size of the upright picture, as decoded by ``Image/init(contentsOf:options:)``.
    public var size: ImageSize { orientation.swapsAxes ? storedSize.transposed : storedSize }

    /// Reads the header of a file.
    ///
    /// - Throws: ``ImagingError`` with the path if the file cannot be read, is not a picture of a known format, or
    ///   exceeds a limit.
    public init(contentsOf path: String, limits: DecodingLimits = DecodingLimits()) throws {
        let bytes = try PictureFile.read(path, limit: limits.bytes)
        self = try bytes.withUnsafeBytes { try ImageHeader(encoded: $0, source: path, limits: limits) }
    }

    /// Reads the header of an encoded picture in memory.
    ///
    /// - Parameters:
    ///   - bytes: The encoded picture, or its beginning.
    ///   - source: A name for errors.
    ///   - limits: Limits on the size of the picture.
    /// - Throws: ``ImagingError``.
    public init(
        encoded bytes: UnsafeRawBufferPointer, source: String = "picture",
        limits: DecodingLimits = DecodingLimits()
    ) throws {
        func fail(_ reason: String) -> ImagingError { ImagingError(source, reason: reason) }
        guard bytes.count > 0 else { throw fail("is empty") }
        guard bytes.count <= limits.bytes else { throw fail(PictureFile.excess(bytes.count, limits.bytes)) }
        guard let format = ImageFormat(signature: bytes) else {
            let known = ImageFormat.allCases.map(\.rawValue).joined(separator: ", ")
            throw fail("is not a picture in a known format (\(known))")
        }
        var header = cvips_header()
        do {
            try Vips.started()
            guard format.isReadable else {
                throw fail("is a \(format.rawValue) file, which the installed libvips cannot read")
            }
            try Vips.perform { cvips_read_header(bytes.baseAddress, bytes.count, format.code, &header) }
        } catch let failure as Vips.Failure {
            throw fail("cannot be read as \(format.rawValue): \(failure.reason)")
        }
        self.format = format
        storedSize = ImageSize(width: Int(header.width), height: Int(header.height))
        orientation = EXIFOrientation(rawValue: Int(header.orientation)) ?? .up
        hasColorProfile = header.has_profile != 0
        if let objection = limits.objection(to: storedSize) { throw fail(objection) }
        if format == .jpeg {
            let scans = JPEGScans.count(bytes, upTo: limits.scans)
            if scans > limits.scans {
                throw fail("it has more than \(limits.scans) scans (DecodingLimits.scans)")
            }
        }
    }
}

/// The scans of a JPEG file.
private enum JPEGScans {
    /// Counts start-of-scan markers (ITU T.81, B.1.1), stopping beyond `limit`.
    static func count(_ bytes: UnsafeRawBufferPointer, upTo limit: Int) -> Int {
        var scans = 0
        var at = 2
        while at + 3 < bytes.count, scans <= limit {
            // Entropy-coded data contain 0xFF only before a zero or a restart marker.
            guard bytes[at] == 0xFF else {
                at += 1
                continue
            }
            let marker = bytes[at + 1]
            switch marker {
            case 0xFF:
                at += 1
            case 0x00, 0x01, 0xD0...0xD8:
                at += 2
            case 0xD9:
                return scans
            default:
                if marker == 0xDA { scans += 1 }
                at += 2 + (Int(bytes[at + 2]) << 8 | Int(bytes[at + 3]))
            }
        }
        return scans
    }
}
