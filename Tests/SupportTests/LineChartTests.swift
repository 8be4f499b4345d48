import Foundation
import Testing

@testable import Support

#if canImport(FoundationXML)
    import FoundationXML
#endif

@Suite struct LineChartTests {
    private func chart(_ lines: [LineChart.Line], limits: ClosedRange<Double>? = nil) -> LineChart {
        LineChart(title: "<t> & \"u\"", xLabel: "x", lines: lines, xLimits: limits, yLimits: limits)
    }

    private func labels(_ limits: ClosedRange<Double>) -> [String] {
        LineChart.Axis(limits, []).marks.compactMap(\.label)
    }

    @Test func chartsAreXML() {
        let chart = chart([
            .init(label: "flat", points: [(1, 3), (2, 3)]), .init(label: "none", points: []),
            .init(label: "gap", points: [(1, 1), (2, .nan), (3, 2)]),
        ])
        #expect(XMLParser(data: Data(chart.file.utf8)).parse(), "\(chart.file)")
        #expect(!chart.file.contains("nan") && !chart.isEmpty)
        #expect(chart.element == chart.file.replacing("xmlns=\"http://www.w3.org/2000/svg\" ", with: ""))
    }

    @Test func nothingIsDrawnAsEmptyAxes() {
        let chart = chart([.init(label: "none", points: [(.nan, 1)])])
        #expect(chart.isEmpty && !chart.file.contains("polyline"))
        #expect(XMLParser(data: Data(chart.file.utf8)).parse())
    }

    @Test func marksAreRoundNumbers() {
        #expect(labels(0...1) == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"])
        #expect(labels(0...2000) == ["0", "500", "1000", "1500", "2000"])
        #expect(labels(0.37...5.2) == ["1", "2", "3", "4", "5"])
        #expect(labels(-3...40000).first == "0")
        #expect(labels(3...3).isEmpty && labels(0...(.infinity)).isEmpty)
    }

    @Test func pointsLieOnTheirAxes() {
        let line = LineChart.Line(label: "l", value: "v", color: "#123456", points: [(0, 0), (1, 0.5)])
        let file = chart([line], limits: 0...1).file
        #expect(file.contains("stroke=\"#123456\" points=\"64,432 544,252\"><title>l v</title>"))
    }

    /// Colors are used again for dashed lines, and the picture grows with the legend.
    @Test func manyLinesCanBeToldApart() {
        let lines = (0..<30).map { LineChart.Line(label: "\($0)", points: [(0, Double($0)), (1, 1)]) }
        let file = chart(lines).file
        #expect(file.components(separatedBy: "<polyline").count == 31)
        #expect(file.components(separatedBy: "stroke-dasharray").count == 2 * 22 + 1)
        #expect(file.contains("height=\"774\""))
    }

    @Test func longLinesAreThinned() {
        let points = (0..<5000).map { (x: Double($0), y: Double($0)) }
        let file = chart([.init(label: "l", points: points)]).file
        #expect(file.components(separatedBy: ",").count < 1010 && file.contains("544,72\">"))
    }
}
