import COCO
import FVLM
import Imaging

extension DetectorEvaluator {
    /// The lowest score of a detection that is drawn.
    private static var drawnScore: Float { 0.3 }

    /// Ground truth and predictions side by side.
    func picture(
        _ record: ImageRecord, _ image: Image, _ found: [FVLM.Detection]
    ) throws -> EvaluationReport.Picture {
        let predicted = try Annotator().draw(
            found.filter { $0.score >= Self.drawnScore }, on: image)
        let names = Dictionary(
            truth.categories.map { ($0.id, $0.name) }, uniquingKeysWith: { first, _ in first })
        let places = Dictionary(
            categoryIDs.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        var marks: [Imaging.Annotation] = []
        for row in 0..<truth.annotations.count where truth.annotations.imageIDs[row] == record.id {
            let id = truth.annotations.categoryIDs[row]
            guard let place = places[id], let box = truth.annotations[row].box else { continue }
            marks.append(
                Imaging.Annotation(
                    box: Imaging.Box(x1: box.x, y1: box.y, x2: box.x + box.width, y2: box.y + box.height),
                    label: names[id], color: Palette.color(at: place)))
        }
        let joined = try Annotator().draw(marks, on: image).beside(predicted)
        return EvaluationReport.Picture(
            name: record.path, width: joined.width, height: joined.height,
            png: try joined.encoded(as: .png()))
    }
}

extension Image {
    /// This picture on the left, `other`, of the same height, on the right.
    fileprivate func beside(_ other: Image) throws -> Image {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(pixels.count + other.pixels.count)
        for y in 0..<min(height, other.height) {
            bytes.append(contentsOf: pixels[y * width * 3..<(y + 1) * width * 3])
            bytes.append(contentsOf: other.pixels[y * other.width * 3..<(y + 1) * other.width * 3])
        }
        return try Image(width: width + other.width, height: min(height, other.height), pixels: bytes)
    }
}
