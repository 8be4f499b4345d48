import Support

/// A drawing as placed on a canvas: its pixels within the canvas, with premultiplied alpha.
struct Sprite: Sendable {
    /// The upper left corner on the canvas.
    let x: Int
    let y: Int
    let width: Int
    let height: Int
    /// Red, green, blue, alpha from 0 to 1.
    let pixels: [SIMD4<Float>]

    /// Pixels of at least this alpha belong to the object's mask.
    static let maskThreshold: Float = 0.5

    /// Draws a glyph.
    init(_ glyph: Glyph, _ placement: Placement, _ color: ColorShift, canvasWidth: Int, canvasHeight: Int) {
        let scale = placement.size / Float(glyph.longestSide)
        let (xScale, yScale) = (scale * placement.aspect, scale)
        // Half a level is left to the bilinear filter: between levels, slightly soft is better than jagged.
        let level = min(max(Int((log2(1 / scale) + 0.4).rounded(.down)), 0), glyph.levels.count - 1)
        let drawing = glyph.levels[level]
        let shrink = Float(1 << level)
        let (cosine, sine) = (cos(placement.angle), sin(placement.angle))
        let (halfWidth, halfHeight) = (
            Float(drawing.width) * shrink * xScale / 2, Float(drawing.height) * shrink * yScale / 2
        )
        let reachX = abs(cosine) * halfWidth + abs(sine) * halfHeight + 1
        let reachY = abs(sine) * halfWidth + abs(cosine) * halfHeight + 1
        func bounded(_ value: Float, _ limit: Int) -> Int { min(max(Int(value.rounded(.down)), 0), limit) }
        let left = bounded(placement.x - reachX, canvasWidth)
        let right = bounded(placement.x + reachX + 1, canvasWidth)
        let top = bounded(placement.y - reachY, canvasHeight)
        let bottom = bounded(placement.y + reachY + 1, canvasHeight)
        (x, y, width, height) = (left, top, max(right - left, 0), max(bottom - top, 0))

        // Maps the canvas back to the drawing, whose pixels have a transparent border of one.
        let (stepXX, stepXY) = (cosine / (xScale * shrink), -sine / (yScale * shrink))
        let (stepYX, stepYY) = (sine / (xScale * shrink), cosine / (yScale * shrink))
        let (limitX, limitY) = (Float(drawing.width) + 1, Float(drawing.height) + 1)
        let (columns, rows, stride) = (width, height, drawing.stride)
        let gain = color.gain * (1 / 255)
        pixels = [SIMD4<Float>](unsafeUninitializedCapacity: columns * rows) { target, count in
            drawing.pixels.withUnsafeBufferPointer { source in
                for row in 0..<rows {
                    let dy = Float(top + row) + 0.5 - placement.y
                    let dx = Float(left) + 0.5 - placement.x
                    var u = dx * stepXX + dy * stepYX + Float(drawing.width) / 2 + 0.5
                    var v = dx * stepXY + dy * stepYY + Float(drawing.height) / 2 + 0.5
                    for column in 0..<columns {
                        var result = SIMD4<Float>.zero
                        if u > 0, v > 0, u < limitX, v < limitY {
                            let (column0, row0) = (Int(u), Int(v))
                            let (fu, fv) = (u - Float(column0), v - Float(row0))
                            let place = row0 * stride + column0
                            let above = mix(source[place], source[place + 1], fu)
                            let below = mix(source[place + stride], source[place + stride + 1], fu)
                            let pixel = above + (below - above) * fv
                            if pixel.w > 0 {
                                let gray = (pixel.x * 0.299 + pixel.y * 0.587 + pixel.z * 0.114)
                                let alpha = pixel.w * (1 / 255)
                                var shifted = SIMD4<Float>(repeating: gray)
                                shifted = (shifted + (pixel - shifted) * color.saturation) * gain
                                shifted += color.offset * alpha
                                shifted.clamp(
                                    lowerBound: .zero, upperBound: SIMD4<Float>(repeating: alpha))
                                shifted.w = alpha
                                result = shifted
                            }
                        }
                        target[row * columns + column] = result
                        u += stepXX
                        v += stepXY
                    }
                }
            }
            count = columns * rows
        }
    }

    /// Calls `body` with the position on the canvas of every pixel of the mask.
    func forEachMaskPixel(canvasWidth: Int, _ body: (Int) -> Void) {
        for row in 0..<height {
            for column in 0..<width where pixels[row * width + column].w >= Self.maskThreshold {
                body((y + row) * canvasWidth + x + column)
            }
        }
    }
}

@inline(__always)
private func mix(_ first: SIMD4<UInt8>, _ second: SIMD4<UInt8>, _ share: Float) -> SIMD4<Float> {
    let first = SIMD4<Float>(SIMD4<Int32>(truncatingIfNeeded: first))
    let second = SIMD4<Float>(SIMD4<Int32>(truncatingIfNeeded: second))
    return first + (second - first) * share
}
