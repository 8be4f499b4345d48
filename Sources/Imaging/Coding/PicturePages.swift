import CVips
import Support

/// The pictures of a file that holds several: pages of a TIFF, frames of an animated GIF or WebP, decoded one by one.
///
/// Frames of an animation are read in their order, each once; pages of a TIFF in any order. Use from one task or thread at a time.
public final class PicturePages: @unchecked Sendable {
    /// The path of the file.
    public let path: String

    /// The number of pictures, at least 1.
    public let count: Int

    /// How long each frame of an animation is shown, in seconds; empty for other files.
    public let delays: [Double]

    /// How long an animation lasts, in seconds; nil for other files.
    public var duration: Double? { delays.isEmpty ? nil : delays.reduce(0, +) }

    private let options: DecodingOptions
    /// All frames of an animation below each other, decoded from the top; nil for other files.
    private let animation: VipsPicture?
    private var position = 0

    /// Opens a file.
    ///
    /// - Throws: ``ImagingError`` as `Image(contentsOf:)` does.
    public init(contentsOf path: String, options: DecodingOptions = DecodingOptions()) throws {
        self.path = path
        self.options = options
        let format = try ImageHeader(contentsOf: path, limits: options.limits).format
        let opened = try Self.opened(path, format)
        (animation, count, delays) = (opened.animation, opened.count, opened.delays)
    }

    private static func opened(_ path: String, _ format: ImageFormat) throws -> (
        animation: VipsPicture?, count: Int, delays: [Double]
    ) {
        do throws(Vips.Failure) {
            switch format {
            case .tiff: return (nil, try VipsPicture(tiff: path).pageCount, [])
            case .gif, .webp:
                let frames = try VipsPicture(animation: path, format)
                let count = frames.pageCount
                guard count > 1 else { return (nil, 1, []) }
                // Browsers show frames without a time for a tenth of a second.
                let delays = (0..<count).map { frames.delay(of: $0) }.map { $0 > 0 ? Double($0) / 1000 : 0.1 }
                return (frames, count, delays)
            case .jpeg, .png, .heif: return (nil, 1, [])
            }
        } catch {
            throw ImagingError(path, reason: "cannot be read as \(format.rawValue): \(error.reason)")
        }
    }

    /// Decodes a picture; upright.
    ///
    /// - Throws: ``ImagingError`` when it is damaged or its size exceeds a limit.
    public func page(_ index: Int) throws -> Image {
        guard (0..<count).contains(index) else {
            throw ImagingError(path, reason: "has \(count) pictures, not a picture \(index + 1)")
        }
        if count == 1 { return try Image(contentsOf: path, options: options) }
        do {
            if let animation {
                guard index == position else {
                    throw ImagingError(path, reason: "its frames are read in their order")
                }
                position += 1
                let size = animation.size
                return try animation.image(
                    columns: 0..<size.width, rows: index * size.height..<(index + 1) * size.height)
            }
            let page = try VipsPicture(
                tiff: path, page: index, convertsProfile: options.colorProfile == .convert)
            if let objection = options.limits.objection(to: page.size) {
                throw ImagingError(path, reason: "page \(index + 1): \(objection)")
            }
            return try page.image(columns: 0..<page.size.width, rows: 0..<page.size.height)
                .upright(from: page.orientation)
        } catch let failure as Vips.Failure {
            throw ImagingError(path, reason: "picture \(index + 1) cannot be decoded: \(failure.reason)")
        }
    }
}
