import WeightFiles

import Foundation

extension Tensor: CustomStringConvertible {
    /// The elements, row by row in aligned columns, with long rows and many rows truncated in the middle, and the
    /// summary.
    public var description: String {
        guard let type = try? dtype, device.kind != .meta else { return "Tensor(\(summary))" }
        do {
            let printed = Printed(shape: shape, texts: try texts(type))
            return "Tensor(\(printed.text), \(summary))"
        } catch {
            return "Tensor(\(summary): \(error))"
        }
    }

    /// The printed elements, by position.
    private func texts(_ type: DType) throws -> [String] {
        // Only the edges of long dimensions are copied from the device.
        var shown = try detached()
        for (dimension, size) in shape.enumerated() where size > Printed.edge * 2 {
            let head = try shown.narrowed(dimension, start: 0, length: Printed.edge)
            let tail = try shown.narrowed(dimension, start: size - Printed.edge, length: Printed.edge)
            shown = try Tensor.cat([head, tail], dimension: dimension)
        }
        if type == .bool { return try shown.array(of: Bool.self).map(\.description) }
        guard type.isFloatingPoint else { return try shown.array(of: Int.self).map(\.description) }
        let numbers = try shown.array(of: Double.self)
        let finite = numbers.filter(\.isFinite).map(\.magnitude).filter { $0 > 0 }
        let largest = finite.max() ?? 0
        let smallest = finite.min() ?? 0
        if numbers.allSatisfy({ !$0.isFinite || $0 == $0.rounded() }), largest < 1e6 {
            return numbers.map { $0.isFinite ? String(Int($0)) + "." : "\($0)" }
        }
        let exponential = largest >= 1e6 || smallest < 1e-4
        return numbers.map { $0.isFinite ? String(format: exponential ? "%.4e" : "%.4f", $0) : "\($0)" }
    }
}

/// Nested brackets around texts, truncated in the middle.
private struct Printed {
    /// The number of elements shown at each end of a truncated dimension.
    static let edge = 4

    let shape: [Int]
    let texts: [String]
    private let width: Int

    init(shape: [Int], texts: [String]) {
        self.shape = shape
        self.texts = texts
        width = texts.map(\.count).max() ?? 0
    }

    var text: String {
        if shape.contains(0) { return "[]" }
        var position = 0
        return text(dimension: 0, position: &position)
    }

    private func text(dimension: Int, position: inout Int) -> String {
        guard dimension < shape.count else {
            defer { position += 1 }
            let padding = String(repeating: " ", count: width - texts[position].count)
            return padding + texts[position]
        }
        let isCut = shape[dimension] > Printed.edge * 2
        let shown = isCut ? Printed.edge * 2 : shape[dimension]
        var parts: [String] = []
        for place in 0..<shown {
            if isCut, place == Printed.edge { parts.append("…") }
            parts.append(text(dimension: dimension + 1, position: &position))
        }
        let isRow = dimension == shape.count - 1
        let lineBreak =
            String(repeating: "\n", count: Swift.max(shape.count - dimension - 1, 1))
            + String(repeating: " ", count: dimension + 8)
        return "[" + parts.joined(separator: isRow ? ", " : "," + lineBreak) + "]"
    }
}
