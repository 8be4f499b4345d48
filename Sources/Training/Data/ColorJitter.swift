import Imaging
import Support

/// Random changes of brightness, contrast, saturation and hue.
public struct ColorJitter: Sendable, Hashable, Codable {
    /// The strength x of brightness changes, from 0 to 1: colors are multiplied by a number in 1 ± x.
    public var brightness: Double

    /// The strength x of contrast changes, from 0 to 1: distances from the picture's mean gray are multiplied by a number in
    /// 1 ± x.
    public var contrast: Double

    /// The strength x of saturation changes, from 0 to 1: distances from each pixel's gray are multiplied by a number in
    /// 1 ± x.
    public var saturation: Double

    /// The strength x of hue changes, from 0 to 0.5: colors are rotated about the gray axis by an angle in ± x, in fractions
    /// of a full turn.
    public var hue: Double

    /// Creates a jitter of these strengths: brightness, contrast and saturation from 0 to 1, hue from 0 to 0.5.
    public init(brightness: Double = 0, contrast: Double = 0, saturation: Double = 0, hue: Double = 0) {
        self.brightness = brightness
        self.contrast = contrast
        self.saturation = saturation
        self.hue = hue
    }

    /// The random choices for one image.
    struct Draw: Sendable, Hashable {
        /// The factor of all colors.
        var brightness: Double
        /// The factor of distances from the picture's mean gray.
        var contrast: Double
        /// The factor of distances from each pixel's gray.
        var saturation: Double
        /// The angle about the gray axis in fractions of a full turn.
        var hue: Double
    }

    /// Draws the random choices for one image.
    /// - Throws: ``TrainingError`` for strengths out of range.
    func draw(_ random: inout RandomStream) throws -> Draw {
        guard [brightness, contrast, saturation].allSatisfy({ (0...1).contains($0) }),
            (0...0.5).contains(hue)
        else {
            throw TrainingError(
                "augmentation",
                "color jitter needs brightness, contrast and saturation from 0 to 1 and hue from 0 to 0.5")
        }
        func factor(_ strength: Double) -> Double { 1 + strength * (2 * random.uniform() - 1) }
        return Draw(
            brightness: factor(brightness), contrast: factor(contrast), saturation: factor(saturation),
            hue: hue * (2 * random.uniform() - 1))
    }
}

extension ColorJitter.Draw {
    /// The recolored picture, rounded and clamped to 0 to 255.
    ///
    /// Brightness, saturation and hue are linear and combined into one matrix; contrast adds a constant. Gray is 0.299
    /// R + 0.587 G + 0.114 B; hue rotates the two other axes of YIQ.
    /// - Throws: `ImagingError`.
    func apply(to image: Image) throws -> Image {
        let luma = [0.299, 0.587, 0.114]
        let matrix = scaled(product(turned(), saturated(luma)), by: brightness * contrast)
        let gray = meanGray(of: image, luma) * brightness
        let offset = gray * (1 - contrast)
        var pixels = [UInt8](repeating: 0, count: image.pixels.count)
        image.pixels.withUnsafeBufferPointer { source in
            pixels.withUnsafeMutableBufferPointer { target in
                for start in stride(from: 0, to: source.count, by: 3) {
                    let (red, green, blue) = (
                        Double(source[start]), Double(source[start + 1]), Double(source[start + 2])
                    )
                    for channel in 0..<3 {
                        let value =
                            matrix[3 * channel] * red + matrix[3 * channel + 1] * green
                            + matrix[3 * channel + 2] * blue + offset
                        target[start + channel] = UInt8(min(max(value + 0.5, 0), 255))
                    }
                }
            }
        }
        return try Image(width: image.width, height: image.height, pixels: pixels)
    }

    private func meanGray(of image: Image, _ luma: [Double]) -> Double {
        var sums = (0, 0, 0)
        image.pixels.withUnsafeBufferPointer { pixels in
            for start in stride(from: 0, to: pixels.count, by: 3) {
                sums.0 += Int(pixels[start])
                sums.1 += Int(pixels[start + 1])
                sums.2 += Int(pixels[start + 2])
            }
        }
        let count = Double(max(image.width * image.height, 1))
        return (luma[0] * Double(sums.0) + luma[1] * Double(sums.1) + luma[2] * Double(sums.2)) / count
    }

    private func saturated(_ luma: [Double]) -> [Double] {
        (0..<9).map { place -> Double in
            let own = place / 3 == place % 3 ? saturation : 0
            return (1 - saturation) * luma[place % 3] + own
        }
    }

    private func turned() -> [Double] {
        guard hue != 0 else { return [1, 0, 0, 0, 1, 0, 0, 0, 1] }
        let toYIQ: [Double] = [0.299, 0.587, 0.114, 0.5959, -0.2746, -0.3213, 0.2115, -0.5227, 0.3112]
        let toRGB: [Double] = [1, 0.956, 0.619, 1, -0.272, -0.647, 1, -1.106, 1.703]
        let angle = 2 * Double.pi * hue
        let turn: [Double] = [1, 0, 0, 0, cos(angle), -sin(angle), 0, sin(angle), cos(angle)]
        return product(toRGB, product(turn, toYIQ))
    }

    private func product(_ a: [Double], _ b: [Double]) -> [Double] {
        (0..<9).map { place -> Double in
            let (row, column) = (place / 3 * 3, place % 3)
            return a[row] * b[column] + a[row + 1] * b[3 + column] + a[row + 2] * b[6 + column]
        }
    }

    private func scaled(_ matrix: [Double], by factor: Double) -> [Double] { matrix.map { $0 * factor } }
}
