extension SpatialTransform {
    /// The picture in the target: turned and flipped exactly, resampled with antialiasing, placed on `fill`.
    ///
    /// Where the transformed source ends on whole target pixels (as with all constructors of this type and
    /// their combinations of whole offsets) a part of the result equals the same part of the whole one, so
    /// cropping after resizing costs only what remains.
    ///
    /// - Throws: ``ImagingError`` when the picture does not have the source's size.
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

        /// nil when nothing of the source falls into the target.
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
