extension SpatialTransform {
    /// Leaves a picture unchanged.
    package static func identity(_ size: ImageSize) throws -> SpatialTransform {
        try SpatialTransform(source: size, target: size)
    }

    /// Resizes to exactly `target`, each axis with its own scale.
    package static func resize(_ source: ImageSize, to target: ImageSize) throws -> SpatialTransform {
        try SpatialTransform(
            source: source, target: target, xScale: Double(target.width) / Double(max(source.width, 1)),
            yScale: Double(target.height) / Double(max(source.height, 1)))
    }

    /// Resizes so that the shortest side becomes `shortestSide`, but the longest one at most `longestSide`, as
    /// detectron2's `ResizeShortestEdge` (`data/transforms/augmentation_impl.py`).
    package static func fitShortestSide(
        _ source: ImageSize, to shortestSide: Int, longestSide: Int = .max
    ) throws -> SpatialTransform {
        try positive(source, shortestSide, longestSide)
        let (short, long) = (Double(source.shortestSide), Double(source.longestSide))
        var scaled = (short: Double(shortestSide), long: Double(shortestSide) / short * long)
        let largest = max(scaled.short, scaled.long)
        if largest > Double(longestSide) {
            let scale = Double(longestSide) / largest
            scaled = (scaled.short * scale, scaled.long * scale)
        }
        let size = ImageSize(width: side(scaled.long), height: side(scaled.short))
        return try resize(source, to: source.height < source.width ? size : size.transposed)
    }

    /// Resizes so that the shortest side becomes `shortestSide`, the other one rounded down, as torchvision's `Resize`
    /// and transformers' `shortest_edge` do.
    package static func resizeShortestSide(_ source: ImageSize, to shortestSide: Int) throws
        -> SpatialTransform
    {
        try positive(source, shortestSide)
        let (product, overflow) = shortestSide.multipliedReportingOverflow(by: source.longestSide)
        let long = overflow ? .max : product / source.shortestSide
        let size = ImageSize(width: long, height: shortestSide)
        return try resize(source, to: source.height <= source.width ? size : size.transposed)
    }

    /// Resizes so that the longest side becomes `longestSide`.
    package static func fitLongestSide(_ source: ImageSize, to longestSide: Int) throws -> SpatialTransform {
        try positive(source, longestSide)
        let scale = Double(longestSide) / Double(source.longestSide)
        return try resize(
            source,
            to: ImageSize(
                width: side(Double(source.width) * scale), height: side(Double(source.height) * scale)))
    }

    /// Resizes so that the longest side becomes `side`, and pads to a square at the right or at the bottom.
    package static func fitSquare(_ source: ImageSize, side: Int) throws -> SpatialTransform {
        try fitLongestSide(source, to: side).padded(to: ImageSize(width: side, height: side))
    }

    /// This transform, with the target enlarged at the right and at the bottom.
    ///
    /// - Throws: ``ImagingError`` if `size` is smaller than the target.
    package func padded(to size: ImageSize) throws -> SpatialTransform {
        guard size.width >= target.width, size.height >= target.height else {
            throw ImagingError(reason: "\(target) pixels cannot be padded to \(size)")
        }
        return try followed(by: SpatialTransform(source: target, target: size))
    }

    /// This transform, with the target enlarged at the right and at the bottom to multiples of `divisor`.
    package func padded(toMultipleOf divisor: Int) throws -> SpatialTransform {
        guard divisor > 0 else { throw ImagingError(reason: "sides cannot be multiples of \(divisor)") }
        func up(_ value: Int) -> Int {
            let (sum, overflow) = value.addingReportingOverflow(divisor - 1)
            return overflow ? .max : sum / divisor * divisor
        }
        return try padded(to: ImageSize(width: up(target.width), height: up(target.height)))
    }

    /// Crops `width` x `height` pixels starting at (x, y); the area outside the source is padding.
    package static func crop(_ source: ImageSize, x: Int, y: Int, width: Int, height: Int) throws
        -> SpatialTransform
    {
        try SpatialTransform(
            source: source, target: ImageSize(width: width, height: height), xOffset: -Double(x),
            yOffset: -Double(y))
    }

    /// Crops the center to the given size; a smaller source is padded on all sides.
    ///
    /// - Parameter rounding: How half a pixel of the left and upper margin is rounded: `.down` as in transformers,
    ///   `.toNearestOrEven` as in torchvision (and so OpenAI's code).
    package static func centerCrop(
        _ source: ImageSize, to size: ImageSize, rounding: FloatingPointRoundingRule = .down
    ) throws -> SpatialTransform {
        func start(_ source: Int, _ target: Int) throws -> Int {
            guard source > 0, target > 0 else {
                throw ImagingError(reason: "\(source) pixels cannot be cropped to \(target)")
            }
            return Int(((Double(source) - Double(target)) / 2).rounded(rounding))
        }
        return try crop(
            source, x: start(source.width, size.width), y: start(source.height, size.height),
            width: size.width, height: size.height)
    }

    /// Mirrors left to right.
    package static func horizontalFlip(_ size: ImageSize) throws -> SpatialTransform {
        try SpatialTransform(source: size, target: size, xScale: -1, xOffset: Double(size.width))
    }

    /// Turns a stored picture upright.
    ///
    /// - Parameter size: The size as stored.
    package static func upright(_ size: ImageSize, from orientation: EXIFOrientation) throws
        -> SpatialTransform
    {
        let target = orientation.swapsAxes ? size.transposed : size
        return try SpatialTransform(
            source: size, target: target, swapsAxes: orientation.swapsAxes,
            xScale: orientation.flipsX ? -1 : 1, yScale: orientation.flipsY ? -1 : 1,
            xOffset: orientation.flipsX ? Double(target.width) : 0,
            yOffset: orientation.flipsY ? Double(target.height) : 0)
    }

    private static func positive(_ source: ImageSize, _ sides: Int...) throws {
        guard source.width > 0, source.height > 0, sides.allSatisfy({ $0 > 0 }) else {
            throw ImagingError(
                reason: "a picture of \(source) pixels cannot be fitted to sides of \(sides)")
        }
    }

    /// A side rounded to the nearest pixel, halves up, but at least one.
    private static func side(_ value: Double) -> Int {
        value < 1e15 ? max(1, Int((value + 0.5).rounded(.down))) : .max
    }
}
