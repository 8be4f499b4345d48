import COCO
import DatasetFormats
import DetectionResults
import Evaluation
import Imaging
import Support

/// A picture's detections as a data set of one picture, which the writers of labeling tools' formats take.
struct DetectedPicture {
    let dataset: Dataset
    let scores: [Double]

    /// - Parameters:
    ///   - categories: The classes; their ids are the places in the list.
    init(
        _ file: String, _ size: ImageSize, _ detections: [FVLMDetection], categories: [Category],
        includesMasks: Bool
    ) throws {
        var data = Dataset()
        data.categories = categories
        data.images.append(
            ImageRecord(id: 0, width: size.width, height: size.height, fileName: file.displayedPath))
        for (place, detection) in detections.enumerated() {
            let mask = includesMasks ? try detection.mask(in: size).map { try RunLengthMask($0) } : nil
            let sides = detection.box.rounded
            let segmentation = mask.flatMap { mask in
                mask.area == 0
                    ? nil
                    : Segmentation.compressedRunLengths(
                        height: mask.height, width: mask.width, counts: mask.compressed)
            }
            data.annotations.append(
                AnnotationRecord(
                    id: Int64(place), imageID: 0, categoryID: Int64(detection.classIndex),
                    box: BoundingBox(x: sides[0], y: sides[1], width: sides[2], height: sides[3]),
                    segmentation: segmentation))
        }
        dataset = data
        scores = detections.map { Double($0.score) }
    }

    /// The categories of a list of names.
    static func categories(_ names: [String]) -> [Category] {
        names.enumerated().map { Category(id: Int64($0.offset), name: $0.element) }
    }

    private var rows: Range<Int> { 0..<dataset.annotations.count }

    /// A task of Label Studio with predictions.
    func labelStudioTask(model: String) throws -> String {
        var text = TextBuffer()
        var writer = LabelStudioText(categories: dataset.categories)
        try writer.add(0, of: dataset, rows, scores: scores, model: model, to: &text)
        return text.text
    }

    /// An element of CVAT's file.
    func cvatElement(number: Int) throws -> String {
        var text = TextBuffer()
        var writer = CVATText(categories: dataset.categories, firstNumber: number)
        try writer.add(0, of: dataset, rows, source: "auto", to: &text)
        return text.text
    }

    /// A file of VOC.
    func vocFile() -> [UInt8] {
        var text = TextBuffer()
        var writer = VOCText(categories: dataset.categories)
        writer.add(0, of: dataset, rows, to: &text)
        return text.bytes
    }

    /// A label file of YOLO: boxes, or outlines where masks are asked for.
    func yoloFile(includesMasks: Bool) throws -> [UInt8] {
        var export = try YOLOExport(includesMasks ? .polygons : .boxes, categories: dataset.categories)
        return export.text(ofImage: 0, dataset, rows).bytes
    }
}
