import Foundation
import Imaging

/// A kind of object: an outline and a color.
struct Shape {
    let name: String
    let color: Color

    /// Whether the point, in a square from -1 to 1, is inside.
    let contains: @Sendable (Double, Double) -> Bool

    static let all = [
        Shape(name: "red circle", color: Color(red: 214, green: 50, blue: 48)) { $0 * $0 + $1 * $1 <= 1 },
        Shape(name: "blue square", color: Color(red: 44, green: 92, blue: 214)) {
            abs($0) <= 0.9 && abs($1) <= 0.9
        },
        Shape(name: "green triangle", color: Color(red: 52, green: 160, blue: 70)) {
            $1 <= 0.9 && abs($0) <= ($1 + 1) * 0.5
        },
        Shape(name: "yellow ring", color: Color(red: 232, green: 190, blue: 40)) {
            (0.3...1).contains($0 * $0 + $1 * $1)
        },
        Shape(name: "violet cross", color: Color(red: 140, green: 66, blue: 190)) {
            (abs($0) <= 0.35 && abs($1) <= 1) || (abs($1) <= 0.35 && abs($0) <= 1)
        },
    ]
}

/// A picture of two to five shapes on an uneven background; later ones hide earlier ones.
struct Scene {
    struct Object {
        let shape: Int
        /// The visible pixels, one byte per pixel, row by row.
        var visible: [UInt8]
    }

    let image: Image
    let objects: [Object]

    init(side: Int, random: inout SplitMix) throws {
        let ground = (0..<3).map { _ in Double(random.next(in: 90...200)) }
        let slope = (0..<2).map { _ in Double(random.next(in: -30...30)) / Double(side) }
        var pixels: [UInt8] = []
        pixels.reserveCapacity(side * side * 3)
        for y in 0..<side {
            for x in 0..<side {
                let noise = Double(random.next(in: -12...12))
                for channel in ground {
                    let value = channel + slope[0] * Double(x) + slope[1] * Double(y) + noise
                    pixels.append(UInt8(min(max(value, 0), 255)))
                }
            }
        }
        var objects: [Object] = []
        for _ in 0..<random.next(in: 2...5) {
            let shape = random.next(in: 0...Shape.all.count - 1)
            let radius = Double(random.next(in: side / 12...side / 5))
            let margin = Int(radius)
            let x = Double(random.next(in: margin...side - margin))
            let y = Double(random.next(in: margin...side - margin))
            var visible = [UInt8](repeating: 0, count: side * side)
            let color = Shape.all[shape].color
            for row in 0..<side {
                for column in 0..<side
                where Shape.all[shape].contains(
                    (Double(column) + 0.5 - x) / radius, (Double(row) + 0.5 - y) / radius)
                {
                    let place = row * side + column
                    visible[place] = 1
                    pixels[place * 3] = color.red
                    pixels[place * 3 + 1] = color.green
                    pixels[place * 3 + 2] = color.blue
                    for index in objects.indices { objects[index].visible[place] = 0 }
                }
            }
            objects.append(Object(shape: shape, visible: visible))
        }
        // Objects that are hardly visible cannot be found.
        self.objects = objects.filter { $0.visible.reduce(0) { $0 + Int($1) } >= 40 }
        image = try Image(width: side, height: side, pixels: pixels)
    }
}

/// A small generator of random numbers with the same results on every system (Steele et al., 2014).
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    /// A uniformly distributed integer.
    mutating func next(in range: ClosedRange<Int>) -> Int {
        let width = UInt64(range.upperBound - range.lowerBound + 1)
        return range.lowerBound + Int(next() % width)
    }
}
