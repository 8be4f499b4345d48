extension SpatialTransform {
    /// Where a point of the source lies in the target.
    public func apply(to point: Point) -> Point {
        let (u, v) = swapsAxes ? (point.y, point.x) : (point.x, point.y)
        return Point(x: xScale * u + xOffset, y: yScale * v + yOffset)
    }

    /// Where a box of the source lies in the target, its corners in order again after a flip. It may lie
    /// partly or wholly outside: see ``Box/clipped(to:)``.
    public func apply(to box: Box) -> Box {
        let a = apply(to: Point(x: box.x1, y: box.y1))
        let b = apply(to: Point(x: box.x2, y: box.y2))
        return Box(x1: min(a.x, b.x), y1: min(a.y, b.y), x2: max(a.x, b.x), y2: max(a.y, b.y))
    }

    /// Where a polygon of the source lies in the target, its points in the same order.
    public func apply(to polygon: [Point]) -> [Point] { polygon.map { apply(to: $0) } }

    /// The mask in the target: every target pixel takes the source pixel under its middle, and `fill` where
    /// there is none.
    ///
    /// - Throws: ``ImagingError`` when the mask does not have the source's size.
    public func apply(to mask: Mask, fill: UInt8 = 0) throws -> Mask {
        guard mask.size == source else {
            throw ImagingError(
                reason: "a mask of \(mask.size) pixels does not fit a transform from \(source)")
        }
        guard let count = target.byteCount(channels: 1), count <= ImageSize.mostBytes else {
            throw ImagingError(reason: "a mask of \(target) pixels is not possible")
        }
        // The source column (or row) of each target column and row, -1 where there is none.
        func nearest(_ count: Int, _ scale: Double, _ offset: Double, _ limit: Int) -> [Int] {
            (0..<count).map { index in
                let position = ((Double(index) + 0.5 - offset) / scale).rounded(.down)
                return position >= 0 && position < Double(limit) ? Int(position) : -1
            }
        }
        let (sourceU, sourceV) = swapsAxes ? (source.height, source.width) : (source.width, source.height)
        let columns = nearest(target.width, xScale, xOffset, sourceU)
        let rows = nearest(target.height, yScale, yOffset, sourceV)
        let (stepU, stepV) = swapsAxes ? (source.width, 1) : (1, source.width)
        var result = [UInt8](repeating: fill, count: count)
        mask.bytes.withUnsafeBufferPointer { bytes in
            result.withUnsafeMutableBufferPointer { result in
                for (y, row) in rows.enumerated() where row >= 0 {
                    for (x, column) in columns.enumerated() where column >= 0 {
                        result[y * target.width + x] = bytes[column * stepU + row * stepV]
                    }
                }
            }
        }
        return try Mask(width: target.width, height: target.height, bytes: result)
    }
}
