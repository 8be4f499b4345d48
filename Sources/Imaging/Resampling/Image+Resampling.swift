import CKernels

/// The kernel of a resampling. When a picture becomes smaller the kernel widens with it (antialiasing).
public enum ResamplingFilter: String, Sendable, Hashable, CaseIterable {
    /// The mean of the area.
    case box

    /// A triangle, two pixels wide.
    case bilinear

    /// Keys' cubic with a = -0.5, four pixels wide: CLIP's.
    case bicubic

    /// A windowed sinc, six pixels wide.
    case lanczos

    var code: resample_filter {
        switch self {
        case .box: RESAMPLE_BOX
        case .bilinear: RESAMPLE_BILINEAR
        case .bicubic: RESAMPLE_BICUBIC
        case .lanczos: RESAMPLE_LANCZOS
        }
    }
}

/// How one axis is sampled: the source interval becomes `target` pixels, of which `count` from `first` on are
/// computed.
struct Sampling {
    var start: Double
    var end: Double
    var target: Int
    var first: Int
    var count: Int

    func axis(_ length: Int) -> resample_axis {
        resample_axis(length: length, start: start, end: end, target: target, first: first, count: count)
    }
}

extension Image {
    /// The picture at another size, equal bit for bit to Pillow's `Image.resize` with the same filter.
    ///
    /// - Throws: ``ImagingError`` when a side is not positive or memory is lacking.
    public func resized(to size: ImageSize, filter: ResamplingFilter = .bicubic) throws -> Image {
        guard size.byteCount(channels: 3) != nil else {
            throw ImagingError(reason: "a picture cannot be resized to \(size) pixels")
        }
        if size == self.size { return self }
        return try resampled(
            horizontal: Sampling(
                start: 0, end: Double(width), target: size.width, first: 0, count: size.width),
            vertical: Sampling(
                start: 0, end: Double(height), target: size.height, first: 0, count: size.height),
            filter: filter)
    }

    /// The part of a resized picture that both samplings ask for.
    func resampled(horizontal: Sampling, vertical: Sampling, filter: ResamplingFilter) throws -> Image {
        let size = ImageSize(width: horizontal.count, height: vertical.count)
        return try Image(uninitialized: size) { result in
            let status = pixels.withUnsafeBufferPointer { pixels in
                resample_rgb8(
                    pixels.baseAddress, horizontal.axis(width), vertical.axis(height), filter.code,
                    result.baseAddress)
            }
            if status != 0 {
                throw ImagingError(
                    reason: "\(self.size) pixels cannot be resized to \(size): memory is lacking")
            }
        }
    }
}
