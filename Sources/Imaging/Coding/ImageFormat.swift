import CVips

/// The file formats that can be read. JPEG, PNG and WebP can be written too.
public enum ImageFormat: String, Sendable, Hashable, CaseIterable {
    /// JPEG, baseline and progressive.
    case jpeg = "JPEG"

    /// PNG.
    case png = "PNG"

    /// WebP, lossy and lossless.
    case webp = "WebP"

    /// GIF; only the first frame is read.
    case gif = "GIF"

    /// TIFF and BigTIFF; only the first page is read.
    case tiff = "TIFF"

    /// HEIC and AVIF.
    case heif = "HEIF"

    /// The format that a file's first bytes identify; nil if it is none of these.
    package init?(signature bytes: UnsafeRawBufferPointer) {
        func starts(_ prefix: [UInt8], at offset: Int = 0) -> Bool {
            bytes.count >= offset + prefix.count && bytes[offset...].starts(with: prefix)
        }
        if starts([0xFF, 0xD8, 0xFF]) {
            self = .jpeg
        } else if starts([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
            self = .png
        } else if starts(Array("RIFF".utf8)), starts(Array("WEBP".utf8), at: 8) {
            self = .webp
        } else if starts(Array("GIF87a".utf8)) || starts(Array("GIF89a".utf8)) {
            self = .gif
        } else if [[0x49, 0x49, 42, 0], [0x4D, 0x4D, 0, 42], [0x49, 0x49, 43, 0], [0x4D, 0x4D, 0, 43]]
            .contains(where: { starts($0) })
        {
            self = .tiff
        } else if starts(Array("ftyp".utf8), at: 4), Self.isHEIFBrand(bytes) {
            self = .heif
        } else {
            return nil
        }
    }

    /// Whether the brand of an ISO base media file is a still-picture brand (ISO/IEC 23008-12, AVIF 1.1).
    private static func isHEIFBrand(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count >= 12 else { return false }
        let brand = String(decoding: bytes[8..<12], as: UTF8.self)
        return ["heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1", "avif", "avis", "mif2"]
            .contains(brand)
    }

    /// The shim's constant for the format.
    var code: cvips_format {
        switch self {
        case .jpeg: CVIPS_JPEG
        case .png: CVIPS_PNG
        case .webp: CVIPS_WEBP
        case .gif: CVIPS_GIF
        case .tiff: CVIPS_TIFF
        case .heif: CVIPS_HEIF
        }
    }

    /// The version of the installed libvips.
    package static var libraryVersion: String { String(cString: cvips_version()) }

    /// Whether the installed libvips can read this format: HEIF is an option of its build.
    package var isReadable: Bool {
        (try? Vips.started()) != nil && cvips_can_load(code) != 0
    }
}
