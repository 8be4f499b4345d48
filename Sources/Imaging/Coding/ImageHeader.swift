import CVips

/// What a file says about its picture, read without decoding it.
public struct ImageHeader: Sendable, Hashable {
    /// The file format.
    public let format: ImageFormat

    /// The size of the stored picture.
    public let storedSize: ImageSize

    /// How the stored picture is to be turned; ``EXIFOrientation/up`` where the format does that itself (HEIF).
    public let orientation: EXIFOrientation

    /// Whether an ICC colour profile is embedded.
    public let hasColorProfile: Bool

    /// The size of the upright picture: what ``Image/init(contentsOf:options:)`` gives.
    public var size: ImageSize { orientation.swapsAxes ? storedSize.transposed : storedSize }

    /// Reads the header of a file.
    ///
    /// - Throws: ``ImagingError`` with the path, when the file cannot be read, is no picture of a known format,
    ///   or exceeds a limit.
    public init(contentsOf path: String, limits: DecodingLimits = DecodingLimits()) throws {
        let bytes = try FileBytes.read(path, limit: limits.bytes)
        self = try bytes.withUnsafeBytes { try ImageHeader(encoded: $0, source: path, limits: limits) }
    }

    /// Reads the header of an encoded picture in memory.
    ///
    /// - Parameter source: A name for errors.
    /// - Throws: ``ImagingError``.
    public init(
        encoded bytes: UnsafeRawBufferPointer, source: String = "picture",
        limits: DecodingLimits = DecodingLimits()
    ) throws {
        func fail(_ reason: String) -> ImagingError { ImagingError(source: source, reason: reason) }
        guard bytes.count > 0 else { throw fail("is empty") }
        guard bytes.count <= limits.bytes else { throw fail(FileBytes.excess(bytes.count, limits.bytes)) }
        guard let format = ImageFormat(signature: bytes) else {
            let known = ImageFormat.allCases.map(\.rawValue).joined(separator: ", ")
            throw fail("is no picture of a known format (\(known))")
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
