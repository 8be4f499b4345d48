/// A diagram of curves over the unit square, drawn as SVG.
struct LinePlot {
    /// One curve and its line in the legend.
    struct Curve {
        var label: String
        /// A figure that stands at the end of the legend's line.
        var value: String
        /// `#rrggbb`.
        var color: String
        /// Points from (0, 0) to (1, 1).
        var points: [(x: Double, y: Double)]
    }

    var title: String
    var subtitle: String
    var xLabel: String
    var yLabel: String
    /// What stands over the legend's labels and values.
    var legendTitle: (label: String, value: String)
    var curves: [Curve]

    private static let area = (left: 64.0, top: 72.0, width: 480.0, height: 360.0)
    private static let size = (width: 800, height: 496)
    private static let legendLeft = 572.0
    private static let legendRight = 780.0

    /// The diagram as an SVG file.
    var svg: String {
        let (width, height) = Self.size
        var text = """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(height)" \
            viewBox="0 0 \(width) \(height)" role="img">
            <title>\(Self.escaped(title))</title>
            <style>
            text { font-family: "Helvetica Neue", Helvetica, Arial, "DejaVu Sans", sans-serif; fill: #333 }
            .curve { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round }
            </style>
            <rect width="\(width)" height="\(height)" fill="#fff"/>

            """
        text += Self.text(title, x: Self.area.left, y: 32, size: 18, weight: "600")
        text += Self.text(subtitle, x: Self.area.left, y: 54, size: 13, color: "#666")
        text += grid()
        // The first curve is drawn last, so that it lies on top.
        for curve in curves.reversed() { text += path(curve) }
        text += legend()
        return text + "</svg>\n"
    }

    private func grid() -> String {
        let area = Self.area
        var text = ""
        for tick in 0...10 {
            let part = Double(tick) / 10
            let (x, y) = (area.left + part * area.width, area.top + (1 - part) * area.height)
            let color = tick == 0 ? "#888" : tick.isMultiple(of: 2) ? "#ddd" : "#f0f0f0"
            text += Self.line(x, area.top, x, area.top + area.height, color)
            text += Self.line(area.left, y, area.left + area.width, y, color)
            guard tick.isMultiple(of: 2) else { continue }
            let label = tick == 10 ? "1.0" : "0.\(tick)"
            text += Self.text(label, x: x, y: area.top + area.height + 18, size: 12, anchor: "middle")
            text += Self.text(label, x: area.left - 8, y: y + 4, size: 12, anchor: "end")
        }
        text += Self.text(
            xLabel, x: area.left + area.width / 2, y: area.top + area.height + 42, size: 13, anchor: "middle")
        let (x, y) = (20.0, area.top + area.height / 2)
        text += Self.text(
            yLabel, x: x, y: y, size: 13, anchor: "middle",
            transform: "rotate(-90 \(Self.number(x)) \(Self.number(y)))")
        return text
    }

    private func path(_ curve: Curve) -> String {
        let area = Self.area
        let points = curve.points.map { point in
            Self.number(area.left + point.x * area.width) + ","
                + Self.number(area.top + (1 - point.y) * area.height)
        }
        guard !points.isEmpty else { return "" }
        return
            "<polyline class=\"curve\" stroke=\"\(curve.color)\" points=\"\(points.joined(separator: " "))\">"
            + "<title>\(Self.escaped("\(curve.label) \(curve.value)"))</title></polyline>\n"
    }

    private func legend() -> String {
        let (left, right) = (Self.legendLeft, Self.legendRight)
        var y = Self.area.top + 10
        var text = Self.text(legendTitle.label, x: left, y: y, size: 12, color: "#666")
        text += Self.text(legendTitle.value, x: right, y: y, size: 12, color: "#666", anchor: "end")
        y += 8
        text += Self.line(left, y, right, y, "#ddd")
        for curve in curves {
            y += 22
            text += Self.line(left, y - 4, left + 18, y - 4, curve.color, width: 3)
            text += Self.text(Self.shortened(curve.label), x: left + 26, y: y, size: 12)
            text += Self.text(curve.value, x: right, y: y, size: 12, anchor: "end")
        }
        return text
    }

    private static func line(
        _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ color: String, width: Int = 1
    ) -> String {
        "<line x1=\"\(number(x1))\" y1=\"\(number(y1))\" x2=\"\(number(x2))\" y2=\"\(number(y2))\" "
            + "stroke=\"\(color)\" stroke-width=\"\(width)\"/>\n"
    }

    private static func text(
        _ content: String, x: Double, y: Double, size: Int, weight: String? = nil, color: String? = nil,
        anchor: String? = nil, transform: String? = nil
    ) -> String {
        var attributes = "x=\"\(number(x))\" y=\"\(number(y))\" font-size=\"\(size)\""
        if let weight { attributes += " font-weight=\"\(weight)\"" }
        if let color { attributes += " style=\"fill: \(color)\"" }
        if let anchor { attributes += " text-anchor=\"\(anchor)\"" }
        if let transform { attributes += " transform=\"\(transform)\"" }
        return "<text \(attributes)>\(escaped(content))</text>\n"
    }

    /// A coordinate with at most two decimals.
    private static func number(_ value: Double) -> String {
        let hundredths = Int((min(max(value, -1e6), 1e6) * 100).rounded())
        let sign = hundredths < 0 ? "-" : ""
        let (whole, rest) = hundredths.magnitude.quotientAndRemainder(dividingBy: 100)
        guard rest > 0 else { return "\(sign)\(whole)" }
        return rest.isMultiple(of: 10)
            ? "\(sign)\(whole).\(rest / 10)" : "\(sign)\(whole).\(rest < 10 ? "0" : "")\(rest)"
    }

    /// A label that fits into the legend.
    private static func shortened(_ label: String) -> String {
        label.count <= 20 ? label : label.prefix(19) + "\u{2026}"
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            // XML has no place for these, even escaped.
            case _ where scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF:
                result += " "
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
