import CKernels

/// A resampling kernel. When a picture is reduced, the kernel widens accordingly (antialiasing), except for ``linear``.
public enum ResamplingFilter: String, Sendable, Hashable, CaseIterable {
    /// The mean over an area.
    case box

    /// A triangle, two pixels wide.
    case bilinear

    /// Keys' cubic with a = -0.5, four pixels wide, as used by CLIP.
    case bicubic

    /// A windowed sinc, six pixels wide.
    case lanczos

    /// A triangle, two pixels wide whatever the sizes: OpenCV's `INTER_LINEAR`, up to its rounding.
    case linear

    var code: resample_filter {
        switch self {
        case .box: RESAMPLE_BOX
        case .bilinear: RESAMPLE_BILINEAR
        case .bicubic: RESAMPLE_BICUBIC
        case .lanczos: RESAMPLE_LANCZOS
        case .linear: RESAMPLE_LINEAR
        }
    }
}

/// The sampling of one axis: the source interval becomes `target` pixels, of which `count` starting at `first` are
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
    /// The picture at another size, bit-identical to `Image.resize` of Pillow 13 with the same filter.
    ///
    /// Earlier versions of Pillow always resize the horizontal axis first, which rounds differently if the height loses
    /// more than twice as many pixels as the width.
    ///
    /// - Throws: ``ImagingError`` if a side is not positive or memory runs out.
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

    /// The part of a resized picture selected by both samplings.
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
                    reason: "\(self.size) pixels cannot be resized to \(size): out of memory")
            }
        }
    }
}

extension SpatialTransform {
    /// The picture mapped to the target: rotated and flipped exactly, resampled with antialiasing, placed on `fill`.
    ///
    /// If the transformed source ends on whole target pixels (as with all constructors of this type and their
    /// combinations with whole offsets), a part of the result equals the same part of the full result, so cropping
    /// after resizing costs only the remaining part.
    ///
    /// - Throws: ``ImagingError`` if the picture does not have the source's size.
    public func apply(
        to image: Image, filter: ResamplingFilter = .bilinear, fill: Color = .black
    ) throws -> Image {
        guard image.size == source else {
            throw ImagingError(
                reason: "a picture of \(image.size) pixels does not fit a transform from \(source)")
        }
        if isIdentity { return image }
        let orientation = EXIFOrientation(swapsAxes: swapsAxes, flipsX: xScale < 0, flipsY: yScale < 0)
        let turned = image.upright(from: orientation)
        guard let columns = Axis(turned.width, xScale, xOffset, target.width),
            let rows = Axis(turned.height, yScale, yOffset, target.height)
        else { return try Image(width: target.width, height: target.height, filledWith: fill) }
        let part = try turned.resampled(horizontal: columns.sampling, vertical: rows.sampling, filter: filter)
        if part.size == target { return part }
        var result = try Image(width: target.width, height: target.height, filledWith: fill)
        result.paste(part, x: columns.targetStart, y: rows.targetStart)
        return result
    }

    /// One axis of a turned picture.
    private struct Axis {
        let sampling: Sampling
        let targetStart: Int

        /// nil if no part of the source falls into the target.
        init?(_ length: Int, _ signedScale: Double, _ offset: Double, _ target: Int) {
            let scale = abs(signedScale)
            let start = signedScale < 0 ? offset + signedScale * Double(length) : offset
            let end = start + scale * Double(length)
            let first = max(0, start.rounded())
            let last = min(Double(target), end.rounded())
            guard last > first else { return nil }
            targetStart = Int(first)
            let count = Int(last) - Int(first)
            let whole = { (value: Double) in abs(value - value.rounded()) < 1e-6 && abs(value) < 1e9 }
            if whole(start), whole(end) {
                sampling = Sampling(
                    start: 0, end: Double(length), target: Int((end - start).rounded()),
                    first: Int(first - start.rounded()), count: count)
            } else {
                let low = min(max((first - start) / scale, 0), Double(length))
                let high = min(max((last - start) / scale, 0), Double(length))
                guard high > low else { return nil }
                sampling = Sampling(start: low, end: high, target: count, first: 0, count: count)
            }
        }
    }
}

extension Image {
    /// Copies `other` to (x, y), where it must fit.
    mutating func paste(_ other: Image, x: Int, y: Int) {
        let width = width
        other.pixels.withUnsafeBufferPointer { source in
            withMutablePixels { target in
                for row in 0..<other.height {
                    let from = row * other.width * 3
                    let to = ((y + row) * width + x) * 3
                    _ = target[to..<to + other.width * 3].update(
                        fromContentsOf: source[from..<from + other.width * 3])
                }
            }
        }
    }
}
