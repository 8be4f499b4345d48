import CVips
import Support

/// An output format with its settings.
public enum ImageEncoding: Sendable, Hashable {
    /// JPEG with a quality from 1 to 100. Color is stored at half the resolution up to quality 89.
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
        var bytes: [UInt8] = []
        try encode(
            as: encoding,
            into: EncodingSink {
                bytes.removeAll(keepingCapacity: true)
            } append: {
                bytes.append(contentsOf: $0)
            })
        return bytes
    }

    /// Gives the bytes of the file to `sink`, part by part.
    private func encode(as encoding: ImageEncoding, into sink: EncodingSink) throws {
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
        do throws(Vips.Failure) {
            try pixels.withUnsafeBufferPointer { pixels throws(Vips.Failure) in
                try Vips.perform {
                    guard sink.begins() else { return -1 }
                    return cvips_encode(
                        pixels.baseAddress, Int32(width), Int32(height), format.code, Int32(quality),
                        Int32(compression), lossless ? 1 : 0, quality >= 90 ? 1 : 0,
                        { context, bytes, count in
                            guard let context else { return -1 }
                            let sink = Unmanaged<EncodingSink>.fromOpaque(context).takeUnretainedValue()
                            return sink.takes(UnsafeRawBufferPointer(start: bytes, count: count)) ? 0 : -1
                        }, Unmanaged.passUnretained(sink).toOpaque())
                }
            }
        } catch {
            if let failure = sink.failure { throw failure }
            throw ImagingError(
                reason: "\(size) pixels cannot be encoded as \(format.rawValue): \(error.reason)")
        }
    }

    /// Writes the picture to a file, which is replaced atomically. Its bytes are written while they are made: they are not
    /// in memory together (except those of WebP).
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
            let output = EncodedFile()
            try encode(
                as: encoding,
                into: EncodingSink {
                    try output.open(path)
                } append: {
                    try output.append($0)
                })
            try output.commit()
        } catch let failure as FileFailure {
            throw ImagingError(failure)
        } catch let error as ImagingError {
            throw ImagingError(path, reason: error.reason)
        }
    }
}

/// Takes a file's bytes from libvips.
private final class EncodingSink {
    private let begin: () throws -> Void
    private let append: (UnsafeRawBufferPointer) throws -> Void

    /// The first error of `begin` or `append`.
    private(set) var failure: (any Error)?

    /// - Parameters:
    ///   - begin: Called before the first byte, again when an encoding that failed is repeated.
    ///   - append: Takes the next bytes.
    init(begin: @escaping () throws -> Void, append: @escaping (UnsafeRawBufferPointer) throws -> Void) {
        (self.begin, self.append) = (begin, append)
    }

    /// Begins; false after an error, which a repetition would only meet again.
    func begins() -> Bool { succeeds(begin) }

    /// Takes bytes; false for an error.
    func takes(_ bytes: UnsafeRawBufferPointer) -> Bool { succeeds { try append(bytes) } }

    private func succeeds(_ body: () throws -> Void) -> Bool {
        guard failure == nil else { return false }
        do { try body() } catch { failure = error }
        return failure == nil
    }
}

/// A file that grows while its picture is encoded.
private final class EncodedFile {
    private var file: AtomicFile?

    /// Starts at the beginning.
    func open(_ path: String) throws(FileFailure) { file = try AtomicFile(path: path) }

    func append(_ bytes: UnsafeRawBufferPointer) throws(FileFailure) { try file?.write(bytes) }

    func commit() throws(FileFailure) { try file?.commit() }
}
