import Support

/// Backgrounds for objects: colors, gradients, clouds, patterns and shapes.
enum Background: CaseIterable {
    case plain, gradient, clouds, stripes, checks, shapes

    /// Creates a canvas with a background.
    /// - Parameter richness: From 0, plain colors, to 1, all kinds.
    static func canvas(width: Int, height: Int, richness: Float, _ random: inout RandomStream) -> Canvas {
        let kind = random.chance(richness) ? allCases[1 + random.index(allCases.count - 1)] : .plain
        var canvas = Canvas(width: width, height: height, color: randomColor(&random))
        switch kind {
        case .plain: break
        case .gradient: canvas.paintGradient(&random)
        case .clouds: canvas.paintClouds(cells: random.uniform(1.5, 8), strength: 1, &random)
        case .stripes: canvas.paintStripes(&random)
        case .checks: canvas.paintChecks(&random)
        case .shapes: canvas.paintShapes(count: 3 + random.index(18), &random)
        }
        if random.chance(0.4 * richness) {
            canvas.paintClouds(cells: random.uniform(4, 24), strength: random.uniform(0.1, 0.5), &random)
        }
        return canvas
    }

    /// A random color: pale, dark and saturated ones alike.
    static func randomColor(_ random: inout RandomStream) -> SIMD4<Float> {
        let color = SIMD4<Float>(random.unit(), random.unit(), random.unit(), 0)
        let gray = SIMD4<Float>(repeating: random.unit())
        return gray + (color - gray) * random.unit()
    }
}

extension Canvas {
    fileprivate mutating func paint(_ color: (Float, Float) -> SIMD4<Float>) {
        let (width, height) = (width, height)
        pixels.withUnsafeMutableBufferPointer { canvas in
            for y in 0..<height {
                for x in 0..<width { canvas[y * width + x] = color(Float(x), Float(y)) }
            }
        }
    }

    fileprivate mutating func paintGradient(_ random: inout RandomStream) {
        let (first, second) = (Background.randomColor(&random), Background.randomColor(&random))
        let (width, height) = (width, height)
        let side = Float(max(width, height))
        if random.chance(0.4) {
            let (x0, y0) = (random.uniform(0, Float(width)), random.uniform(0, Float(height)))
            let reach = random.uniform(0.4, 1.2) * side
            paint { x, y in
                let share = min(((x - x0) * (x - x0) + (y - y0) * (y - y0)).squareRoot() / reach, 1)
                return first + (second - first) * share
            }
        } else {
            let angle = random.uniform(0, 2 * .pi)
            let (dx, dy) = (cos(angle) / side, sin(angle) / side)
            paint { x, y in
                let share = (x - Float(width) / 2) * dx + (y - Float(height) / 2) * dy + 0.5
                return first + (second - first) * min(max(share, 0), 1)
            }
        }
    }

    /// Random colors on a coarse grid, smoothly interpolated.
    fileprivate mutating func paintClouds(cells: Float, strength: Float, _ random: inout RandomStream) {
        let side = Float(max(width, height))
        let step = cells / side
        let (columns, rows) = (Int(Float(width) * step) + 2, Int(Float(height) * step) + 2)
        let (first, second) = (Background.randomColor(&random), Background.randomColor(&random))
        let isColorful = random.chance(0.3)
        let grid = (0..<columns * rows).map { _ in
            isColorful ? Background.randomColor(&random) : first + (second - first) * random.unit()
        }
        let (width, height) = (width, height)
        pixels.withUnsafeMutableBufferPointer { canvas in
            grid.withUnsafeBufferPointer { grid in
                for y in 0..<height {
                    let v = Float(y) * step
                    let row = Int(v)
                    let fv = v - Float(row)
                    let smoothV = fv * fv * (3 - 2 * fv)
                    for x in 0..<width {
                        let u = Float(x) * step
                        let column = Int(u)
                        let fu = u - Float(column)
                        let smoothU = fu * fu * (3 - 2 * fu)
                        let place = row * columns + column
                        let above = grid[place] + (grid[place + 1] - grid[place]) * smoothU
                        let below =
                            grid[place + columns] + (grid[place + columns + 1] - grid[place + columns])
                            * smoothU
                        let color = above + (below - above) * smoothV
                        canvas[y * width + x] += (color - canvas[y * width + x]) * strength
                    }
                }
            }
        }
    }

    fileprivate mutating func paintStripes(_ random: inout RandomStream) {
        let (first, second) = (Background.randomColor(&random), Background.randomColor(&random))
        let angle = random.uniform(0, .pi)
        let period = random.logUniform(5, 60)
        let share = random.uniform(0.2, 0.8)
        let (dx, dy) = (cos(angle) / period, sin(angle) / period)
        let start = random.unit() + 1_000
        paint { x, y in
            let phase = x * dx + y * dy + start
            return phase - phase.rounded(.down) < share ? first : second
        }
    }

    fileprivate mutating func paintChecks(_ random: inout RandomStream) {
        let (first, second) = (Background.randomColor(&random), Background.randomColor(&random))
        let step = 1 / random.logUniform(5, 50)
        let (x0, y0) = (random.unit(), random.unit())
        paint { x, y in (Int(x * step + x0) + Int(y * step + y0)) % 2 == 0 ? first : second }
    }

    /// Ellipses and boxes, so that having an outline does not by itself make an object.
    fileprivate mutating func paintShapes(count: Int, _ random: inout RandomStream) {
        let side = Float(max(width, height))
        for _ in 0..<count {
            let color = Background.randomColor(&random)
            let opacity = random.uniform(0.4, 1)
            let (x0, y0) = (random.uniform(0, Float(width)), random.uniform(0, Float(height)))
            let (radiusX, radiusY) = (
                random.logUniform(0.03, 0.35) * side, random.logUniform(0.03, 0.35) * side
            )
            let isEllipse = random.chance(0.5)
            let columns =
                max(Int(x0 - radiusX), 0)..<max(min(Int(x0 + radiusX), width), max(Int(x0 - radiusX), 0))
            let rows =
                max(Int(y0 - radiusY), 0)..<max(min(Int(y0 + radiusY), height), max(Int(y0 - radiusY), 0))
            for y in rows {
                for x in columns {
                    let (u, v) = ((Float(x) - x0) / radiusX, (Float(y) - y0) / radiusY)
                    guard !isEllipse || u * u + v * v <= 1 else { continue }
                    pixels[y * width + x] += (color - pixels[y * width + x]) * opacity
                }
            }
        }
    }
}
