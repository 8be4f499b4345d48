import CLIP
import COCO
import FVLM
import Foundation
import Imaging
import Torch

/// Measures a detector on annotated pictures, by the rules of COCO.
public struct DetectorEvaluator {
    /// The ground truth.
    public let truth: Dataset

    /// The folder of its pictures.
    public let folder: String

    /// What is looked for: the data set's classes, in the order of the vocabulary.
    public let categoryIDs: [Int64]

    /// The embeddings of these classes.
    public let vocabulary: Vocabulary

    /// Base and novel classes, if they are told apart.
    public let splits: [CategorySplit]

    /// How many pictures of predictions a report holds.
    public var pictureCount = 12

    /// An evaluator of the classes of a vocabulary that the data set has, by their names.
    /// - Throws: ``TrainingError`` when the vocabulary lacks a class that is to be scored.
    public init(
        truth: Dataset, imagesIn folder: String, vocabulary: Vocabulary, splits: [CategorySplit] = []
    ) throws {
        self.truth = truth
        self.folder = folder
        self.vocabulary = vocabulary
        self.splits = splits
        let ids = Dictionary(
            truth.categories.map { ($0.name, $0.id) }, uniquingKeysWith: { first, _ in first })
        categoryIDs = try vocabulary.classes.map { entry in
            guard let id = ids[entry.name] else {
                throw TrainingError(
                    "evaluation", "the annotations have no class '\(entry.name)' of the vocabulary")
            }
            return id
        }
    }

    /// Makes sure that all pictures are there.
    /// - Throws: ``TrainingError`` that counts those that are missing and names the first.
    public func checkPictures() throws {
        try truth.checkPictures(of: Array(0..<truth.images.count), in: folder)
    }

    /// Detections of all pictures.
    /// - Parameter progress: Is told how many pictures are done, and of how many.
    /// - Throws: ``TrainingError`` when a picture has another size than its annotations say, `ImagingError`, and what
    ///   detection throws.
    public func detections(
        of detector: Detector, options: DetectionOptions, progress: (Int, Int) -> Void = { _, _ in }
    ) throws -> (table: DetectionTable, pictures: [EvaluationReport.Picture]) {
        var table = DetectionTable()
        var pictures: [EvaluationReport.Picture] = []
        for row in 0..<truth.images.count {
            let record = truth.images[row]
            let image = try Image(contentsOf: truth.picturePath(row, in: folder))
            guard record.width == 0 || (image.width == record.width && image.height == record.height) else {
                throw TrainingError(
                    record.path,
                    "has \(image.width) x \(image.height) pixels, its annotations say \(record.width) x \(record.height)"
                )
            }
            let found = try detector.detect([image], vocabulary: vocabulary, options: options)[0]
            let masks =
                options.includesMasks
                ? try FVLM.Detection.masks(of: found, size: image.size, options: options)
                : found.map { _ in nil }
            for (detection, mask) in zip(found, masks) {
                let runs = try mask.map {
                    try RunLengthMask(height: $0.height, width: $0.width, pixels: $0.bytes)
                }
                let box = detection.box
                table.append(
                    DetectionRecord(
                        imageID: record.id, categoryID: categoryIDs[detection.classIndex],
                        score: Double(detection.score),
                        box: BoundingBox(x: box.x1, y: box.y1, width: box.width, height: box.height),
                        segmentation: runs.map {
                            .compressedRunLengths(
                                height: $0.height, width: $0.width, counts: Array($0.compressed))
                        }))
            }
            if pictures.count < pictureCount {
                pictures.append(try picture(record, row, image, found, masks))
            }
            progress(row + 1, truth.images.count)
        }
        return (table, pictures)
    }

    /// Figures, classes, curves and pictures.
    /// - Throws: `COCOError`, and as ``detections(of:options:progress:)``.
    public func report(
        on detector: Detector, options: DetectionOptions, progress: (Int, Int) -> Void = { _, _ in }
    ) throws -> EvaluationReport {
        let (table, pictures) = try detections(of: detector, options: options, progress: progress)
        var report = EvaluationReport(metrics: [], pictures: pictures)
        let geometries: [EvaluationOptions.Geometry] = options.includesMasks ? [.box, .mask] : [.box]
        for geometry in geometries {
            var settings = EvaluationOptions.coco(geometry)
            settings.categoryIDs = categoryIDs
            let evaluation = try Evaluation(truth: truth, detections: table, options: settings)
            let name = geometry == .box ? "bbox" : "segm"
            for part in evaluation.parts(splits) {
                let prefix = part.name == "all" ? name : "\(name)/\(part.name)"
                for figure in evaluation.figures(classes: part.classes).prefix(3) {
                    report.metrics.append(NamedValue("\(prefix)/\(figure.name)", figure.value))
                }
                // The first IoU threshold of COCO's rules is 0.5.
                let decisions = evaluation.decisions(iouThreshold: 0, classes: part.classes)
                report.curves.append(
                    PrecisionRecallCurve(
                        name: "\(prefix)/IoU50", scores: decisions.scores,
                        areCorrect: decisions.areCorrect, objectCount: decisions.objectCount))
            }
            if geometry == .box { report.classes = classes(evaluation) }
        }
        return report
    }

    private func classes(_ evaluation: Evaluation) -> [EvaluationReport.ClassResult] {
        evaluation.categories.enumerated().map { index, category in
            let group = splits.first { $0.categoryIDs.contains(category.id) }?.name ?? ""
            return EvaluationReport.ClassResult(
                name: category.name, group: group,
                values: [
                    NamedValue("AP", evaluation.averagePrecision(classes: [index]) ?? -1),
                    NamedValue(
                        "AP50", evaluation.averagePrecision(iouThreshold: 0.5, classes: [index]) ?? -1),
                ])
        }
    }

    /// Ground truth and predictions side by side.
    private func picture(
        _ record: ImageRecord, _ row: Int, _ image: Image, _ found: [FVLM.Detection], _ masks: [Imaging.Mask?]
    ) throws -> EvaluationReport.Picture {
        let shown = zip(found, masks).filter { $0.0.score >= 0.3 }
        let predicted = try Annotator().draw(
            shown.map { detection, mask in
                Imaging.Annotation(
                    box: detection.box,
                    label: "\(detection.label) \(String(format: "%.2f", detection.score))",
                    mask: mask, color: Palette.color(at: detection.classIndex))
            }, on: image)
        let names = Dictionary(
            truth.categories.map { ($0.id, $0.name) }, uniquingKeysWith: { first, _ in first })
        let places = Dictionary(
            categoryIDs.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        var marks: [Imaging.Annotation] = []
        for annotation in 0..<truth.annotations.count
        where truth.annotations.imageIDs[annotation] == record.id {
            let id = truth.annotations.categoryIDs[annotation]
            guard let place = places[id], let box = truth.annotations[annotation].box else { continue }
            marks.append(
                Imaging.Annotation(
                    box: Imaging.Box(x1: box.x, y1: box.y, x2: box.x + box.width, y2: box.y + box.height),
                    label: names[id], color: Palette.color(at: place)))
        }
        let truthPicture = try Annotator().draw(marks, on: image)
        let joined = try truthPicture.beside(predicted)
        return EvaluationReport.Picture(
            name: record.path, width: joined.width, height: joined.height,
            png: try joined.encoded(as: .png()))
    }
}

extension Image {
    /// This picture on the left, another one of the same height on the right.
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
