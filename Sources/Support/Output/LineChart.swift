import Foundation

/// A line chart drawn as SVG.
package struct LineChart: Sendable {
    /// One line and its entry in the legend.
    package struct Line: Sendable {
        package var label: String

        /// A figure at the end of the legend's row.
        package var value: String

        /// `#rrggbb`; nil uses one of the chart's own colors, by the line's position.
        package var color: String?

        /// Points from left to right; points that are not finite are omitted.
        package var points: [(x: Double, y: Double)]

        /// Creates a line.
        package init(
            label: String, value: String = "", color: String? = nil, points: [(x: Double, y: Double)]
        ) {
            self.label = label
            self.value = value
            self.color = color
            self.points = points
        }
    }

    package var title: String
    package var subtitle: String
    package var xLabel: String
    package var yLabel: String

    /// What stands over the legend's labels and values.
    package var legendTitle: (label: String, value: String)

    package var lines: [Line]

    /// The limits of the axes; nil uses those of the points.
    package var xLimits: ClosedRange<Double>?
    package var yLimits: ClosedRange<Double>?

    /// Creates a chart.
    package init(
        title: String, subtitle: String = "", xLabel: String, yLabel: String = "",
        legendTitle: (label: String, value: String) = ("", ""), lines: [Line],
        xLimits: ClosedRange<Double>? = nil, yLimits: ClosedRange<Double>? = nil
    ) {
        self.title = title
        self.subtitle = subtitle
        self.xLabel = xLabel
        self.yLabel = yLabel
        self.legendTitle = legendTitle
        self.lines = lines.map { line in
            var line = line
            line.points.removeAll { !$0.x.isFinite || !$0.y.isFinite }
            return line
        }
        self.xLimits = xLimits
        self.yLimits = yLimits
    }

    /// Whether there are no points to draw.
    package var isEmpty: Bool { lines.allSatisfy(\.points.isEmpty) }

    private static let area = (left: 64.0, top: 72.0, width: 480.0, height: 360.0)
    private static let width = 800
    private static let legend = (left: 572.0, right: 780.0, row: 22.0)

    /// The chart as an SVG file.
    package var file: String { svg(attributes: "xmlns=\"http://www.w3.org/2000/svg\" ") }

    /// The chart as an element of an HTML page.
    package var element: String { svg(attributes: "") }

    private func svg(attributes: String) -> String {
        let (width, height) = (
            Self.width, max(496, Int(Self.area.top + 42 + Self.legend.row * Double(lines.count)))
        )
        let (x, y) = (
            Axis(xLimits, lines.lazy.flatMap { $0.points.lazy.map(\.x) }),
            Axis(yLimits, lines.lazy.flatMap { $0.points.lazy.map(\.y) })
        )
        var text = """
            <svg \(attributes)width="\(width)" height="\(height)" \
            viewBox="0 0 \(width) \(height)" role="img">
            <title>\(Markup.escaped(title))</title>
            <style>
            text { font-family: "Helvetica Neue", Helvetica, Arial, "DejaVu Sans", sans-serif; fill: #333 }
            .curve { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round }
            </style>
            <rect width="\(width)" height="\(height)" fill="#fff"/>

            """
        text += Self.text(title, x: Self.area.left, y: 32, size: 18, weight: "600")
        text += Self.text(subtitle, x: Self.area.left, y: 54, size: 13, color: "#666")
        text += grid(x, y)
        // The first line is drawn last, so that it is on top.
        for place in lines.indices.reversed() { text += path(place, x, y) }
        text += legend()
        return text + "</svg>\n"
    }

    // MARK: Axes

    /// An axis of the chart: its limits and its marks.
    package struct Axis: Sendable {
        /// A line across the chart.
        package struct Mark: Sendable, Hashable {
            package let value: Double
            /// The label; nil for a line halfway between two others.
            package let label: String?

            fileprivate var color: String { label == nil ? "#f0f0f0" : "#ddd" }
        }

        package let limits: ClosedRange<Double>
        package let marks: [Mark]

        /// Creates an axis within limits, or within those of the values.
        package init(_ limits: ClosedRange<Double>?, _ values: some Sequence<Double>) {
            self.limits = limits ?? Self.limits(of: values)
            marks = Self.marks(self.limits)
        }

        private static func limits(of values: some Sequence<Double>) -> ClosedRange<Double> {
            var (low, high) = (Double.infinity, -Double.infinity)
            for value in values { (low, high) = (min(low, value), max(high, value)) }
            guard low <= high else { return 0...1 }
            return low < high ? low...high : low - 0.5...high + 0.5
        }

        /// About five round numbers with their labels, and the midpoints between them.
        private static func marks(_ limits: ClosedRange<Double>) -> [Mark] {
            let length = limits.upperBound - limits.lowerBound
            guard length > 0, length.isFinite else { return [] }
            let wanted = length / 5 * (1 - 1e-9)
            let exponent = log10(wanted).rounded(.down)
            let factor = [1, 2, 5].first { $0 * pow(10, exponent) >= wanted } ?? 10
            let step = factor * pow(10, exponent)
            let digits = -Int(exponent) - (factor == 10 ? 1 : 0)
            let first = (limits.lowerBound / step * 2).rounded(.up)
            let last = (limits.upperBound / step * 2).rounded(.down)
            guard first <= last, last - first < 100 else { return [] }
            return stride(from: first, through: last, by: 1).map { half in
                // Not -0.
                let value = half / 2 * step + 0
                let isNumbered = half.remainder(dividingBy: 2) == 0
                return Mark(value: value, label: isNumbered ? label(value, digits) : nil)
            }
        }

        private static func label(_ value: Double, _ digits: Int) -> String {
            (-6...4).contains(digits)
                ? NumberText.decimals(value, max(digits, 0)) : NumberText.significant(value, 4)
        }

        /// The position of a value, from 0 to 1.
        func part(_ value: Double) -> Double {
            (value - limits.lowerBound) / (limits.upperBound - limits.lowerBound)
        }
    }

    private func grid(_ xAxis: Axis, _ yAxis: Axis) -> String {
        let area = Self.area
        let (right, bottom) = (area.left + area.width, area.top + area.height)
        var text = Self.line(area.left, area.top, area.left, bottom, "#888")
        text += Self.line(area.left, bottom, right, bottom, "#888")
        for place in 0..<max(xAxis.marks.count, yAxis.marks.count) {
            let xMark = place < xAxis.marks.count ? xAxis.marks[place] : nil
            let yMark = place < yAxis.marks.count ? yAxis.marks[place] : nil
            let x = area.left + (xMark.map { xAxis.part($0.value) } ?? 0) * area.width
            let y = area.top + (1 - (yMark.map { yAxis.part($0.value) } ?? 0)) * area.height
            if let xMark, xMark.value > xAxis.limits.lowerBound {
                text += Self.line(x, area.top, x, bottom, xMark.color)
            }
            if let yMark, yMark.value > yAxis.limits.lowerBound {
                text += Self.line(area.left, y, right, y, yMark.color)
            }
            text += Self.text(xMark?.label ?? "", x: x, y: bottom + 18, size: 12, anchor: "middle")
            text += Self.text(yMark?.label ?? "", x: area.left - 8, y: y + 4, size: 12, anchor: "end")
        }
        text += Self.text(xLabel, x: area.left + area.width / 2, y: bottom + 42, size: 13, anchor: "middle")
        let (x, y) = (20.0, area.top + area.height / 2)
        text += Self.text(
            yLabel, x: x, y: y, size: 13, anchor: "middle",
            transform: "rotate(-90 \(Self.number(x)) \(Self.number(y)))")
        return text
    }

    // MARK: Lines and their legend

    /// Colors that can be told apart with any color vision (Okabe and Ito, Color Universal Design, 2008).
    package static let palette = [
        "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#b8a800",
    ]

    private func color(_ place: Int) -> String {
        lines[place].color ?? Self.palette[place % Self.palette.count]
    }

    /// Lines whose color is reused are dashed.
    private func dashes(_ place: Int) -> String {
        lines[place].color == nil && place >= Self.palette.count ? " stroke-dasharray=\"5 4\"" : ""
    }

    private func path(_ place: Int, _ xAxis: Axis, _ yAxis: Axis) -> String {
        let area = Self.area
        let line = lines[place]
        guard !line.points.isEmpty else { return "" }
        // More than about a thousand points are not visible.
        let step = max(1, line.points.count / 1000)
        let points = line.points.indices.filter { $0.isMultiple(of: step) || $0 == line.points.count - 1 }
            .map { index in
                Self.number(area.left + xAxis.part(line.points[index].x) * area.width) + ","
                    + Self.number(area.top + (1 - yAxis.part(line.points[index].y)) * area.height)
            }
        let name = line.value.isEmpty ? line.label : "\(line.label) \(line.value)"
        return
            "<polyline class=\"curve\" stroke=\"\(color(place))\"\(dashes(place)) points=\"\(points.joined(separator: " "))\">"
            + "<title>\(Markup.escaped(name))</title></polyline>\n"
    }

    private func legend() -> String {
        let (left, right, row) = Self.legend
        var y = Self.area.top + 10
        var text = ""
        if !legendTitle.label.isEmpty || !legendTitle.value.isEmpty {
            text += Self.text(legendTitle.label, x: left, y: y, size: 12, color: "#666")
            text += Self.text(legendTitle.value, x: right, y: y, size: 12, color: "#666", anchor: "end")
            y += 8
            text += Self.line(left, y, right, y, "#ddd")
        } else {
            y -= row
        }
        for (place, line) in lines.enumerated() {
            y += row
            text += Self.line(left, y - 4, left + 18, y - 4, color(place), width: 3, dashes(place))
            text += Self.text(
                Self.shortened(line.label, line.value.isEmpty ? 26 : 20), x: left + 26, y: y, size: 12)
            text += Self.text(line.value, x: right, y: y, size: 12, anchor: "end")
        }
        return text
    }

    /// A label that fits into the legend.
    private static func shortened(_ label: String, _ limit: Int) -> String {
        label.count <= limit ? label : label.prefix(limit - 1) + "\u{2026}"
    }

    // MARK: Elements

    private static func line(
        _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ color: String, width: Int = 1,
        _ more: String = ""
    ) -> String {
        "<line x1=\"\(number(x1))\" y1=\"\(number(y1))\" x2=\"\(number(x2))\" y2=\"\(number(y2))\" "
            + "stroke=\"\(color)\" stroke-width=\"\(width)\"\(more)/>\n"
    }

    /// Text at a position; empty if there is none.
    private static func text(
        _ content: String, x: Double, y: Double, size: Int, weight: String? = nil, color: String? = nil,
        anchor: String? = nil, transform: String? = nil
    ) -> String {
        guard !content.isEmpty else { return "" }
        var attributes = "x=\"\(number(x))\" y=\"\(number(y))\" font-size=\"\(size)\""
        if let weight { attributes += " font-weight=\"\(weight)\"" }
        if let color { attributes += " style=\"fill: \(color)\"" }
        if let anchor { attributes += " text-anchor=\"\(anchor)\"" }
        if let transform { attributes += " transform=\"\(transform)\"" }
        return "<text \(attributes)>\(Markup.escaped(content))</text>\n"
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
}
