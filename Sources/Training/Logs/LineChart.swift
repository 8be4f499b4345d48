import Foundation
import Support

/// Lines over a common axis, as an SVG picture.
struct LineChart {
    struct Line {
        var name: String
        var x: [Double]
        var y: [Double]
    }

    var title: String
    var xTitle: String
    var yTitle: String
    var lines: [Line]

    /// Fixed limits; otherwise those of the values.
    var xLimits: ClosedRange<Double>?
    var yLimits: ClosedRange<Double>?

    // Colours that remain distinct for most colour-blind readers (Okabe and Ito, 2008).
    static let colors = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"]

    /// The picture, 640 units wide, which scales with the page; empty when there is nothing to show.
    func svg() -> String {
        let (left, top, width, height) = (64.0, 34.0, 556.0, 270.0)
        let finite = lines.map { line in
            zip(line.x, line.y).filter { $0.isFinite && $1.isFinite }
        }
        guard finite.contains(where: { !$0.isEmpty }) else { return "" }
        let x = xLimits ?? Self.limits(finite.joined().map(\.0))
        let y = yLimits ?? Self.limits(finite.joined().map(\.1))
        func place(_ point: (Double, Double)) -> (Double, Double) {
            (
                left + (point.0 - x.lowerBound) / (x.upperBound - x.lowerBound) * width,
                top + height - (point.1 - y.lowerBound) / (y.upperBound - y.lowerBound) * height
            )
        }
        var parts = [
            "<text x=\"\(left)\" y=\"20\" class=\"title\">\(Markup.escaped(title))</text>"
        ]
        for tick in Self.ticks(y) {
            let (_, row) = place((x.lowerBound, tick))
            parts.append(
                "<path d=\"M\(left) \(Self.number(row))h\(width)\" class=\"grid\"/><text x=\"\(left - 6)\" y=\"\(Self.number(row + 4))\" text-anchor=\"end\">\(Self.label(tick))</text>"
            )
        }
        for tick in Self.ticks(x) {
            let (column, _) = place((tick, y.lowerBound))
            parts.append(
                "<text x=\"\(Self.number(column))\" y=\"\(top + height + 18)\" text-anchor=\"middle\">\(Self.label(tick))</text>"
            )
        }
        parts.append(
            "<text x=\"\(left + width)\" y=\"\(top + height + 34)\" text-anchor=\"end\">\(Markup.escaped(xTitle))</text>"
        )
        parts.append(
            "<text x=\"\(left - 6)\" y=\"\(top - 4)\" text-anchor=\"end\">\(Markup.escaped(yTitle))</text>")
        var (legend, legendRow) = (left, top + height + 48)
        for (number, points) in finite.enumerated() where !points.isEmpty {
            let color = Self.colors[number % Self.colors.count]
            let dashes = number < Self.colors.count ? "" : " stroke-dasharray=\"5 3\""
            let path = Self.thinned(points).map(place).map { "\(Self.number($0.0)) \(Self.number($0.1))" }
            parts.append(
                "<path d=\"M\(path.joined(separator: "L"))\" fill=\"none\" stroke=\"\(color)\" stroke-width=\"1.5\"\(dashes)/>"
            )
            let name = lines[number].name
            let extent = Double(name.count) * 7 + 30
            if legend > left, legend + extent > left + width { (legend, legendRow) = (left, legendRow + 18) }
            parts.append(
                "<path d=\"M\(Self.number(legend)) \(Self.number(legendRow - 4))h14\" stroke=\"\(color)\" stroke-width=\"2\"\(dashes)/><text x=\"\(Self.number(legend + 18))\" y=\"\(Self.number(legendRow))\">\(Markup.escaped(name))</text>"
            )
            legend += extent
        }
        let head =
            "<svg viewBox=\"0 0 640 \(Int(legendRow) + 8)\" role=\"img\" aria-label=\"\(Markup.escaped(title))\">"
        return head + parts.joined() + "</svg>"
    }

    /// At most about a thousand points of a line: more cannot be seen.
    private static func thinned(_ points: [(Double, Double)]) -> [(Double, Double)] {
        let step = max(1, points.count / 1000)
        return points.indices.filter { $0.isMultiple(of: step) || $0 == points.count - 1 }.map { points[$0] }
    }

    private static func limits(_ values: [Double]) -> ClosedRange<Double> {
        let (low, high) = (values.min() ?? 0, values.max() ?? 1)
        guard high > low else { return low - 0.5...high + 0.5 }
        return low...high
    }

    /// About five round numbers inside.
    static func ticks(_ limits: ClosedRange<Double>) -> [Double] {
        let raw = (limits.upperBound - limits.lowerBound) / 5
        guard raw > 0, raw.isFinite else { return [] }
        let power = Foundation.pow(10, Foundation.log10(raw).rounded(.down))
        let step = ([1, 2, 5, 10].first { $0 * power >= raw } ?? 10) * power
        let first = Int((limits.lowerBound / step).rounded(.up))
        let last = Int((limits.upperBound / step).rounded(.down))
        return first > last ? [] : (first...last).map { Double($0) * step }
    }

    private static func number(_ value: Double) -> String { String(format: "%.1f", value) }
    private static func label(_ value: Double) -> String { String(format: "%.4g", value) }
}
