import CLIP
import COCO
import FVLM
import Imaging
import Support
import Torch

/// Measures a detector on annotated pictures by COCO's rules.
///
/// ```swift
/// let evaluator = try DetectorEvaluator(truth: truth, imagesIn: "val2017", vocabulary: vocabulary)
/// let found = try await evaluator.detections(of: detector, options: options)
/// let report = try evaluator.report(found)
/// ```
public struct DetectorEvaluator: Sendable {
    /// The ground truth.
    public let truth: Dataset

    /// The folder of its pictures.
    public let folder: String

    /// The categories to detect, in the order of the vocabulary.
    public let categoryIDs: [Int64]

    /// The classes to detect, with their embeddings.
    public let vocabulary: Vocabulary

    /// Base and novel classes, if they are reported separately.
    public let splits: [CategorySplit]

    /// Pictures whose annotations are not whole.
    let gaps: AnnotationGaps

    /// The number of pictures of predictions in a report.
    public var pictureCount = 12

    /// The number of pictures in a batch of the network.
    public var batchSize = 1

    /// Gives the detections that are measured in place of those that were found in a picture, such as with mapped scores; nil:
    /// those that were found.
    public var adjustment: (@Sendable ([FVLM.Detection]) -> [FVLM.Detection])?

    /// The detections in all pictures.
    public struct Detections: Sendable {
        /// The detections.
        public internal(set) var table = DetectionTable()

        /// Predictions next to ground truth, for the first pictures.
        public internal(set) var pictures: [EvaluationReport.Picture] = []

        /// Unusable pictures and the reasons. They are not measured.
        public internal(set) var faults: [Fault] = []

        /// Whether masks were predicted.
        public internal(set) var includesMasks = false

        /// The ids of the pictures that were looked at, without ``faults``.
        public internal(set) var imageIDs: [Int64] = []

        /// Creates what an earlier part of the work has found.
        package init(table: DetectionTable = DetectionTable(), imageIDs: [Int64] = []) {
            self.table = table
            self.imageIDs = imageIDs
        }

        init(includesMasks: Bool) { self.includesMasks = includesMasks }
    }

    /// An unusable picture.
    public struct Fault: Sendable {
        /// The image's id in the annotations.
        public let imageID: Int64

        /// The reason, with the path of the file.
        public let error: any Error
    }

    /// Creates an evaluator of the classes of a vocabulary, which the data set must have under the same names.
    /// - Throws: ``EvaluationError`` when the data set lacks a class of the vocabulary, or too many of its annotations could
    ///   not be read.
    public init(
        truth: Dataset, imagesIn folder: String, vocabulary: Vocabulary, splits: [CategorySplit] = []
    ) throws {
        self.truth = truth
        self.folder = folder
        self.vocabulary = vocabulary
        self.splits = splits
        // If several categories share a name, as in exports with a root category, the one with objects is used.
        let used = Set((0..<truth.annotations.count).map { truth.annotations.categoryIDs[$0] })
        let ids = Dictionary(
            truth.categories.map { ($0.name, $0.id) },
            uniquingKeysWith: { used.contains($0) ? $0 : used.contains($1) ? $1 : $0 })
        categoryIDs = try vocabulary.classes.map { entry in
            guard let id = ids[entry.name] else {
                throw EvaluationError(
                    "evaluation", "the annotations have no class '\(entry.name)' of the vocabulary")
            }
            return id
        }
        gaps = try AnnotationGaps(truth, scored: Set(categoryIDs))
    }

    /// Checks that all pictures exist.
    /// - Throws: ``EvaluationError`` with the number of missing pictures and the name of the first; `AnnotationFileError` when
    ///   their folder is missing.
    public func checkPictures() throws {
        let missing = try paths().filter { FileStatus($0) == nil }
        guard let first = missing.first else { return }
        try PictureFolder(path: folder).check()
        throw EvaluationError(
            first,
            missing.count == 1
                ? "does not exist, but the annotations name it"
                : "does not exist, nor do \(missing.count - 1) other pictures of the \(truth.images.count) that the annotations name"
        )
    }

    /// Finds objects in all pictures, which are read ahead and processed in batches.
    /// - Parameters:
    ///   - detector: The detector to measure.
    ///   - options: How regions are scored and which detections are kept.
    ///   - progress: Called after every batch with the number of finished pictures and the total; an error it throws
    ///     ends the work.
    /// - Throws: Errors of detection and of `progress`; `CancellationError`. An unusable picture is reported in
    ///   ``Detections/faults``.
    public func detections(
        of detector: Detector, options: ScoringOptions,
        progress: (_ done: Int, _ count: Int) throws -> Void = { _, _ in }
    ) async throws -> Detections {
        try await detections(of: detector, options: options, after: Detections(), progress: progress)
    }

    /// As ``detections(of:options:progress:)``, in the pictures that an earlier part of the work has not looked at.
    /// - Parameters:
    ///   - earlier: What that has found, which is part of what is returned.
    ///   - found: Called with every picture's id and its rows in the table; an error it throws ends the work.
    package func detections(
        of detector: Detector, options: ScoringOptions, after earlier: Detections,
        found: (_ imageID: Int64, _ rows: Range<Int>, _ table: DetectionTable) throws -> Void = { _, _, _ in
        },
        progress: (_ done: Int, _ count: Int) throws -> Void = { _, _ in }
    ) async throws -> Detections {
        var result = earlier
        result.includesMasks = options.includesMasks
        let done = Set(earlier.imageIDs)
        let rows = truth.images.ids.indices.filter { !done.contains(truth.images.ids[$0]) }
        let stream = try pictures(for: detector, rows: rows)
        while let batch = await stream.next() {
            try Task.checkCancellation()
            let detected = try await detector.detect(
                prepared: batch.pictures.map(\.value.prepared), vocabulary: vocabulary, options: options)
            try add(batch, of: rows, detected, to: &result, found)
            try progress(truth.images.count - rows.count + batch.end, truth.images.count)
        }
        return result
    }

    /// Synchronous variant of `detections`.
    public func detections(
        of detector: Detector, options: ScoringOptions,
        progress: (_ done: Int, _ count: Int) throws -> Void = { _, _ in }
    ) throws -> Detections {
        var result = Detections(includesMasks: options.includesMasks)
        let rows = Array(0..<truth.images.count)
        let stream = try pictures(for: detector, rows: rows)
        while let batch = stream.next() {
            let found = try detector.detect(
                prepared: batch.pictures.map(\.value.prepared), vocabulary: vocabulary, options: options)
            try add(batch, of: rows, found, to: &result)
            try progress(batch.end, stream.count)
        }
        return result
    }

    // MARK: Pictures

    /// A picture that has been read.
    struct Sample: Sendable {
        let prepared: PixelValues
        /// Its pixels, if the picture is drawn on.
        let image: Image?
    }

    private func paths() throws -> [String] {
        let pictures = PictureFolder(path: folder)
        return try (0..<truth.images.count).map { row in
            guard let path = pictures.location(of: truth.images[row]) else {
                throw EvaluationError("image \(truth.images.ids[row])", "does not name a file")
            }
            return path
        }
    }

    /// The pictures of some rows of the images' table.
    func pictures(for detector: Detector, rows: [Int]) throws -> PictureStream<Sample> {
        let (all, images, pictureCount) = (try paths(), truth.images, pictureCount)
        let paths = rows.map { all[$0] }
        return PictureStream(paths, batchSize: batchSize) { image, index in
            let row = rows[index]
            let record = images[row]
            guard record.width == 0 || (image.width == record.width && image.height == record.height) else {
                throw EvaluationError(
                    paths[index],
                    "has \(image.size) pixels, but its annotations say \(record.width) x \(record.height)")
            }
            return Sample(prepared: try detector.prepare(image), image: row < pictureCount ? image : nil)
        }
    }

    private func add(
        _ batch: PictureStream<Sample>.Batch, of rows: [Int], _ found: [[FVLM.Detection]],
        to result: inout Detections,
        _ report: (_ imageID: Int64, _ rows: Range<Int>, _ table: DetectionTable) throws -> Void = {
            _, _, _ in
        }
    ) throws {
        result.faults += batch.faults.map {
            Fault(imageID: truth.images.ids[rows[$0.index]], error: $0.error)
        }
        for (picture, found) in zip(batch.pictures, found) {
            let detections = adjustment?(found) ?? found
            let record = truth.images[rows[picture.index]]
            let start = result.table.count
            for detection in detections {
                result.table.append(
                    try DetectionRecord(
                        detection, imageID: record.id, categoryID: categoryIDs[detection.classIndex],
                        size: picture.value.prepared.transform.source))
            }
            if let image = picture.value.image {
                result.pictures.append(try self.picture(record, image, detections))
            }
            result.imageIDs.append(record.id)
            try report(record.id, start..<result.table.count, result.table)
        }
    }
}

extension RunLengthMask {
    /// Encodes a mask as run lengths.
    /// - Throws: `COCOError` for a mask of 2^32 pixels or more.
    package init(_ mask: Imaging.Mask) throws {
        try self.init(
            height: mask.height, width: mask.width, columns: mask.columns, rows: mask.rows, crop: mask.crop)
    }
}

extension DetectionRecord {
    /// Creates a row of a results file from a detection, with its mask as run lengths.
    /// - Parameter size: The size of the picture.
    /// - Throws: `DetectionError`, `ImagingError`, `COCOError`.
    package init(
        _ detection: FVLM.Detection, imageID: Int64, categoryID: Int64, size: ImageSize
    ) throws {
        let runs = try detection.mask(in: size).map { try RunLengthMask($0) }
        let box = detection.box
        self.init(
            imageID: imageID, categoryID: categoryID, score: Double(detection.score),
            box: BoundingBox(x: box.x1, y: box.y1, width: box.width, height: box.height),
            segmentation: runs.map {
                .compressedRunLengths(height: $0.height, width: $0.width, counts: $0.compressed)
            })
    }
}

/// Annotations or pictures that a detector cannot be measured on.
public struct EvaluationError: ReportedError, Hashable {
    /// The file, or the part of the annotations.
    public let subject: String

    /// What is wrong and, if there is a remedy, what helps.
    public let reason: String

    init(_ subject: String, _ reason: String) {
        self.subject = subject
        self.reason = reason
    }
}
