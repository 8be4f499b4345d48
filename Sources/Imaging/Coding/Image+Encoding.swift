import CVips
import Support

/// An output format with its settings.
public enum ImageEncoding: Sendable, Hashable {
    /// JPEG with a quality from 1 to 100. Colour is stored at half the resolution up to quality 89.
    case jpeg(quality: Int = 90)

    /// PNG; lossless. Compression from 0 (fast) to 9 (small).
    case png(compression: Int = 6)

    /// Lossy WebP with a quality from 1 to 100.
    case webp(quality: Int = 80)

    /// Lossless WebP.
    case losslessWebP

    /// The encoding for a file name's extension, `.jpg`, `.jpeg`, `.png` or `.webp`, with default settings.
    public init?(path: String) {
        guard let dot = path.lastIndex(of: "."), !path[dot...].contains("/") else { return nil }
        switch path[dot...].dropFirst().lowercased() {
        case "jpg", "jpeg": self = .jpeg()
        case "png": self = .png()
        case "webp": self = .webp()
        default: return nil
        }
    }
}

extension Image {
    /// Encodes the picture as a file in memory.
    ///
    /// - Throws: ``ImagingError`` if a setting is out of range or the format cannot hold a picture of this size (JPEG
    ///   65,535, WebP 16,383 pixels per side).
    public func encoded(as encoding: ImageEncoding) throws -> [UInt8] {
        try withEncodedBytes(as: encoding) { [UInt8]($0) }
    }

    /// Calls `body` with the bytes of the file.
    private func withEncodedBytes<Result>(
        as encoding: ImageEncoding, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        var (format, quality, compression, lossless) = (ImageFormat.png, 75, 6, false)
        switch encoding {
        case .jpeg(let value): (format, quality) = (.jpeg, value)
        case .png(let value): compression = value
        case .webp(let value): (format, quality) = (.webp, value)
        case .losslessWebP: (format, lossless) = (.webp, true)
        }
        guard 1...100 ~= quality else {
            throw ImagingError(reason: "\(format.rawValue) quality is \(quality), but must be from 1 to 100")
        }
        guard 0...9 ~= compression else {
            throw ImagingError(reason: "PNG compression is \(compression), but must be from 0 to 9")
        }
        let side = format == .jpeg ? 65_535 : format == .webp ? 16_383 : Int(Int32.max)
        guard size.longestSide <= side else {
            throw ImagingError(
                reason: "a \(format.rawValue) file cannot hold \(size) pixels, only \(side) per side")
        }
        var memory: UnsafeMutableRawPointer?
        var count = 0
        do throws(Vips.Failure) {
            try pixels.withUnsafeBufferPointer { pixels throws(Vips.Failure) in
                try Vips.perform {
                    cvips_encode(
                        pixels.baseAddress, Int32(width), Int32(height), format.code, Int32(quality),
                        Int32(compression), lossless ? 1 : 0, quality >= 90 ? 1 : 0, &memory, &count)
                }
            }
        } catch {
            throw ImagingError(
                reason: "\(size) pixels cannot be encoded as \(format.rawValue): \(error.reason)")
        }
        defer { cvips_free(memory) }
        return try body(UnsafeRawBufferPointer(start: memory, count: count))
    }

    /// Writes the picture to a file, which is replaced atomically.
    ///
    /// - Parameters:
    ///   - path: The path of the file.
    ///   - encoding: The encoding; by default, the one for the file extension.
    /// - Throws: ``ImagingError`` with the path if the extension is unknown or the file cannot be written.
    public func write(to path: String, as encoding: ImageEncoding? = nil) throws {
        guard let encoding = encoding ?? ImageEncoding(path: path) else {
            throw ImagingError(path, reason: "the name must end in .jpg, .jpeg, .png or .webp")
        }
        do {
            try withEncodedBytes(as: encoding) { bytes in
                try AtomicFile.write(to: path) { try $0.write(bytes) }
            }
        } catch let failure as FileFailure {
            throw ImagingError(failure)
        } catch let error as ImagingError {
            throw ImagingError(path, reason: error.reason)
        }
    }
}
