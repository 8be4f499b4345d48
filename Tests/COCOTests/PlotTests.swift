import COCO
import Foundation
import Testing

#if canImport(FoundationXML)
    import FoundationXML
#endif

@Suite struct PlotTests {
    /// Counts elements, and fails on what is no XML.
    private final class Reader: NSObject, XMLParserDelegate {
        var counts: [String: Int] = [:]
        var points: [String] = []
        var text = ""

        func parser(
            _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
            attributes: [String: String]
        ) {
            counts[name, default: 0] += 1
            if let list = attributes["points"] { points.append(list) }
        }

        func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }
    }

    private func read(_ plot: Evaluation.Plot) throws -> Reader {
        let (reader, parser) = (Reader(), XMLParser(data: Data(plot.svg.utf8)))
        parser.delegate = reader
        try #require(parser.parse(), "\(plot.fileName): \(String(describing: parser.parserError))")
        return reader
    }

    private func evaluation(_ detections: [DetectionRecord], name: String = "a <b> & \"c\"\u{1}") throws
        -> Evaluation
    {
        var truth = Dataset()
        truth.images.append(ImageRecord(id: 1, width: 100, height: 100))
        truth.categories = [Category(id: 1, name: name), Category(id: 2, name: "none")]
        for x in 0..<2 {
            let box = BoundingBox(x: Double(x * 40), y: 0, width: 20, height: 20)
            truth.annotations.append(
                AnnotationRecord(id: Int64(x), imageID: 1, categoryID: 1, box: box, area: box.area))
        }
        var table = DetectionTable()
        for detection in detections { table.append(detection) }
        return try Evaluation(truth: truth, detections: table, options: .coco(.box))
    }

    private let found = DetectionRecord(
        imageID: 1, categoryID: 1, score: 0.9, box: BoundingBox(x: 0, y: 0, width: 20, height: 20))

    @Test func plotsAreXMLWithACurveAThreshold() throws {
        let plots = try evaluation([found]).precisionRecallPlots()
        #expect(plots.map(\.fileName) == ["precision-recall.svg", "worst-classes.svg", "class-1-a-b-c.svg"])
        let readers = try plots.map(read)
        #expect(readers.map { $0.counts["polyline"] } == [10, 1, 10])
        #expect(readers[2].text.contains("a <b> & \"c\""))
        // One of two objects is found: precision 1 up to a recall of one half, then down.
        #expect(readers[0].points.allSatisfy { $0 == "64,72 304,72 304,432" })
    }

    @Test func nothingFoundAndNothingToFindAreDrawn() throws {
        let plots = try evaluation([]).precisionRecallPlots()
        #expect(try plots.map { try read($0).counts["polyline"] } == [10, 1, 10])
        let empty = try Evaluation(truth: Dataset(), detections: DetectionTable(), options: .coco(.box))
        #expect(empty.precisionRecallPlots().map(\.fileName) == ["precision-recall.svg"])
        #expect(try read(empty.precisionRecallPlots()[0]).counts["polyline"] == nil)
    }

    @Test func partsAreDrawn() throws {
        let evaluation = try evaluation([found])
        let parts = evaluation.parts([CategorySplit(name: "base", categoryIDs: [1])])
        #expect(
            evaluation.precisionRecallPlots(parts: parts, worstClasses: 0).map(\.fileName)
                == ["precision-recall.svg", "precision-recall-base.svg"])
    }

    @Test func proposalsHaveNoClasses() throws {
        let problem = RandomProblem(seed: 4)
        let evaluation = try Evaluation(
            truth: problem.truth, detections: problem.detections, options: .proposals(.box))
        #expect(evaluation.precisionRecallPlots().map(\.fileName) == ["precision-recall.svg"])
    }
}
