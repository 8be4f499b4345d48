import Support

/// Colors for classes: an index always has the same color, and neighboring indices have clearly different ones.
public enum Palette {
    /// The color of a class. Hues advance by the golden angle; lightness changes after every eight, before hues come
    /// close to earlier ones.
    public static func color(at index: Int) -> Color {
        let index = index & 0xFFFF
        let hue = (Double(index) * 137.507764).truncatingRemainder(dividingBy: 360)
        return color(lightness: [0.70, 0.56, 0.84][index / 8 % 3], chroma: 0.19, hue: hue)
    }

    /// The color of a class by its name, whatever its place in a vocabulary and however it is spelled: `Polar_bear` and
    /// `polar bear` have the same.
    public static func color(of name: String) -> Color {
        // FNV-1a, whose values are the same in every run.
        var hash: UInt32 = 0x811C_9DC5
        for byte in ClassName.key(name).utf8 { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
        return color(at: Int((hash ^ hash >> 16) & 0xFFFF))
    }

    /// A color of the OKLCH space (B. Ottosson, "A perceptual color space for image processing", 2020), with its
    /// chroma reduced until sRGB can represent it.
    static func color(lightness: Double, chroma: Double, hue: Double) -> Color {
        var chroma = chroma
        while true {
            let (a, b) = (chroma * cos(hue * .pi / 180), chroma * sin(hue * .pi / 180))
            let channels = linearRGB(lightness, a, b)
            if chroma <= 0 || channels.allSatisfy({ -0.0005...1.0005 ~= $0 }) {
                let bytes = channels.map(encoded)
                return Color(red: bytes[0], green: bytes[1], blue: bytes[2])
            }
            chroma -= 0.005
        }
    }

    private static func linearRGB(_ lightness: Double, _ a: Double, _ b: Double) -> [Double] {
        func cube(_ value: Double) -> Double { value * value * value }
        let long = cube(lightness + 0.3963377774 * a + 0.2158037573 * b)
        let medium = cube(lightness - 0.1055613458 * a - 0.0638541728 * b)
        let short = cube(lightness - 0.0894841775 * a - 1.2914855480 * b)
        return [
            4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
        ]
    }

    private static func encoded(_ linear: Double) -> UInt8 {
        let linear = min(max(linear, 0), 1)
        let value = linear <= 0.0031308 ? 12.92 * linear : 1.055 * power(linear, 1 / 2.4) - 0.055
        return UInt8((value * 255).rounded())
    }
}
