import Support

/// An sRGB color with 8 bits per channel.
public struct Color: Sendable, Hashable {
    /// Red, 0 to 255.
    public var red: UInt8

    /// Green, 0 to 255.
    public var green: UInt8

    /// Blue, 0 to 255.
    public var blue: UInt8

    /// Creates a color from its channels.
    public init(red: UInt8, green: UInt8, blue: UInt8) {
        self.red = red
        self.green = green
        self.blue = blue
    }

    /// (0, 0, 0).
    public static let black = Color(red: 0, green: 0, blue: 0)

    /// (255, 255, 255).
    public static let white = Color(red: 255, green: 255, blue: 255)

    /// Relative luminance from 0 (black) to 1 (white), as WCAG 2 defines it for sRGB.
    package var luminance: Double {
        func linear(_ value: UInt8) -> Double {
            let value = Double(value) / 255
            return value <= 0.04045 ? value / 12.92 : power((value + 0.055) / 1.055, 2.4)
        }
        return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }

    /// Black or white, whichever has the higher WCAG contrast against this color.
    package var readableForeground: Color {
        (luminance + 0.05) * (luminance + 0.05) > 0.05 * 1.05 ? .black : .white
    }

    /// This color over `other` with an opacity of `opacity` / 255.
    func blended(over other: Color, opacity: Int) -> Color {
        func mix(_ above: UInt8, _ below: UInt8) -> UInt8 {
            UInt8((Int(above) * opacity + Int(below) * (255 - opacity) + 127) / 255)
        }
        return Color(
            red: mix(red, other.red), green: mix(green, other.green), blue: mix(blue, other.blue))
    }
}

/// The C library's `pow`.
func power(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }
