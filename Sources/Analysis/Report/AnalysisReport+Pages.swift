import COCO
import Support

extension AnalysisReport {
    /// The report as files of a folder: `index.html`, which works offline, `figures.json`, and `pictures/`, scripts with the
    /// objects and detections of some hundred pictures each, which the page loads when it shows them.
    ///
    /// - Parameters:
    ///   - title: The title of the page.
    ///   - address: Where the picture of an image is, as seen from the folder; nil for none.
    ///   - thumbnail: Where a small copy of it is, for lists; nil: the picture itself is listed.
    ///   - body: Called with each file's name and contents.
    /// - Returns: The masks that cannot be decoded, of which the boxes are shown, and why.
    /// - Throws: What `body` throws.
    @discardableResult public func writePages(
        title: String, address: (ImageRecord) -> String?, thumbnail: (ImageRecord) -> String? = { _ in nil },
        _ body: (_ name: String, _ text: String) throws -> Void
    ) throws -> [String] {
        try body("figures.json", json())
        var faults: [String] = []
        let size = 200
        var index: [PictureRow] = []
        for start in stride(from: 0, to: pictures.count, by: size) {
            let part = pictures[start..<min(start + size, pictures.count)]
            for summary in part {
                let record = image(of: summary)
                index.append(
                    PictureRow(
                        name: pictureName(summary).displayedPath, address: address(record),
                        thumbnail: thumbnail(record),
                        width: record.width, height: record.height, pairs: wrongPairs(summary)))
            }
            let texts = try contents(of: part, &faults)
            try body(
                "pictures/\(start / size).js",
                "page(\(start / size),[\n" + texts.joined(separator: ",\n") + "\n])\n")
        }
        let data =
            "const report = \(Self.scriptSafe(try compactJSON()));\n"
            + "const pictureRows = \(Self.scriptSafe(try JSONText.line(index)));\n"
            + "const pageSize = \(size);\n"
            + "const hasMasks = \(hasMasks);\n"
        try body("index.html", ReportPage.html(title: Markup.escaped(title.displayedPath), data: data))
        return faults
    }

    /// The record of a picture's image.
    package func image(of summary: PictureSummary) -> ImageRecord {
        overlaps.problem.truth.images[overlaps.problem.imageRows[summary.index]]
    }

    /// Whether any object or detection has a mask.
    private var hasMasks: Bool {
        [overlaps.problem.truth.annotations.segmentations, overlaps.problem.detections.segmentations]
            .contains { column in (0..<column.count).contains { column.kind($0) != .none } }
    }

    /// The objects and detections of pictures as JSON, each in a line.
    private func contents(of part: ArraySlice<PictureSummary>, _ faults: inout [String]) throws -> [String] {
        var texts = [(text: String, faults: [String])](repeating: ("", []), count: part.count)
        try Parallel.fill(
            &texts, threads: Parallel.threadCount(options.threadCount), grain: 4, state: {}
        ) { _, index in
            let contents = PictureContents(self, part[part.startIndex + index])
            return (try JSONText.line(contents), contents.faults)
        }
        faults += texts.flatMap(\.faults)
        return texts.map(\.text)
    }

    /// JSON inside a script element: the text cannot end it.
    private static func scriptSafe(_ json: String) -> String { json.replacing("</", with: "<\\/") }

    /// The classes of wrong pairs in a picture: index of the object's class, index of the detected one.
    private func wrongPairs(_ summary: PictureSummary) -> [[Int]] {
        let problem = overlaps.problem
        var pairs: [[Int]] = []
        for place in problem.detectionStarts[summary.index]..<problem.detectionStarts[summary.index + 1] {
            let row = Int(problem.detectionRows[place])
            guard overlaps.score(place) >= scoreThreshold, errors.kinds[row] == .classification,
                let target = errors.annotationRows[row],
                let truth = problem.rank(ofCategory: problem.truth.annotations.categoryIDs[target])
            else { continue }
            pairs.append([Int(truth), overlaps.category(ofDetection: place)])
        }
        return pairs
    }
}

/// What the page knows of a picture before it shows it.
private struct PictureRow: Encodable {
    var name: String
    var address: String?
    var thumbnail: String?
    var width: Int
    var height: Int
    var pairs: [[Int]]
}

/// The objects and detections of a picture.
///
/// `t`: [index of the class, x, y, width, height, score of the detection that found it; -1 for none, -2 for a crowd].
/// `d`: [kind, index of the class, score, x, y, width, height]; kind 0 found an object, 1 to 5 are the errors in the order of
/// ``ErrorAnalysis/Kind``, 6 lies in a crowd.
/// `tp`, `dp`: the outlines of their masks as SVG's paths, empty for those that have none; missing where none has one.
private struct PictureContents: Encodable {
    var t: [[Double]] = []
    var d: [[Double]] = []
    var tp: [String]?
    var dp: [String]?

    /// Masks without an outline, and why; not a part of the page.
    var faults: [String] = []

    private enum CodingKeys: CodingKey { case t, d, tp, dp }

    init(_ report: AnalysisReport, _ summary: PictureSummary) {
        let overlaps = report.overlaps
        let problem = overlaps.problem
        let image = report.image(of: summary)
        var (objectPaths, detectionPaths): ([String], [String]) = ([], [])
        var finders: [Int: Double] = [:]
        // The page lowers its threshold down to this score.
        let least = min(report.scoreThreshold, 0.05)
        for place in overlaps.ranked(image: summary.index).lazy.map({ Int($0) }) {
            let row = Int(problem.detectionRows[place])
            let outcome = report.errors.outcomes[row]
            if outcome == .truePositive, let target = report.errors.annotationRows[row] {
                finders[target] = overlaps.score(place)
            }
            guard overlaps.score(place) >= least, outcome != .dropped else { continue }
            let kind =
                outcome == .truePositive
                ? 0
                : outcome == .ignored
                    ? 6
                    : 1
                        + (report.errors.kinds[row].flatMap { ErrorAnalysis.Kind.allCases.firstIndex(of: $0) }
                            ?? 4)
            d.append(
                [Double(kind), Double(overlaps.category(ofDetection: place)), overlaps.score(place)]
                    + Self.numbers(problem.detections.boxes[row]))
            detectionPaths.append(
                path(problem.detections.segmentations, row, image, "detection at index \(row)"))
        }
        for place in overlaps.truths(image: summary.index) {
            let row = Int(problem.annotationRows[place])
            t.append(
                [Double(overlaps.category(ofTruth: place))]
                    + Self.numbers(problem.truth.annotations.boxes[row])
                    + [overlaps.isCrowd(place) ? -2 : finders[row] ?? -1])
            let annotations = problem.truth.annotations
            objectPaths.append(
                path(annotations.segmentations, row, image, "annotation \(annotations.ids[row])"))
        }
        if objectPaths.contains(where: { !$0.isEmpty }) { tp = objectPaths }
        if detectionPaths.contains(where: { !$0.isEmpty }) { dp = detectionPaths }
    }

    private mutating func path(
        _ column: SegmentationColumn, _ row: Int, _ image: ImageRecord, _ name: String
    ) -> String {
        do {
            return try OutlinePath.text(column[row], height: image.height, width: image.width) ?? ""
        } catch {
            faults.append("\(name) of image \(image.id): \(error)")
            return ""
        }
    }

    /// Tenths of a pixel are enough to draw.
    private static func numbers(_ box: BoundingBox) -> [Double] {
        [box.x, box.y, box.width, box.height].map { ($0 * 10).rounded() / 10 }
    }
}
