import CLIP
import COCO
import FVLM
import Imaging
import Support
import Torch

/// Measures a detector on annotated pictures, by the rules of COCO.
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

    /// The categories that are looked for, in the order of the vocabulary.
    public let categoryIDs: [Int64]

    /// The classes that are looked for, with their embeddings.
    public let vocabulary: Vocabulary

    /// Base and novel classes, where they are told apart.
    public let splits: [CategorySplit]

    /// How many pictures of predictions a report holds.
    public var pictureCount = 12

    /// How many pictures go through the network together.
    public var batchSize = 1

    /// What a detector finds in all pictures.
    public struct Detections: Sendable {
        /// The detections.
        public internal(set) var table = DetectionTable()

        /// Predictions beside ground truth, of the first pictures.
        public internal(set) var pictures: [EvaluationReport.Picture] = []

        /// Pictures that could not be used, and why. They are not measured.
        public internal(set) var faults: [Fault] = []

        /// Whether masks were made.
        public internal(set) var includesMasks = false
    }

    /// A picture that could not be used.
    public struct Fault: Sendable {
        /// The image's id in the annotations.
        public let imageID: Int64

        /// Why, with the path of the file.
        public let error: any Error
    }

    /// An evaluator of the classes of a vocabulary, which the data set must have under the same names.
    /// - Throws: ``EvaluationError`` when the data set lacks a class of the vocabulary.
    public init(
        truth: Dataset, imagesIn folder: String, vocabulary: Vocabulary, splits: [CategorySplit] = []
    ) throws {
        self.truth = truth
        self.folder = folder
        self.vocabulary = vocabulary
        self.splits = splits
        // Of categories with one name, as in exports with a root category, the one with objects is meant.
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
    }

    /// Makes sure that all pictures are there.
    /// - Throws: ``EvaluationError`` that counts those that are missing and names the first.
    public func checkPictures() throws {
        let missing = try paths().filter { access($0, F_OK) != 0 }
        guard let first = missing.first else { return }
        throw EvaluationError(
            first,
            missing.count == 1
                ? "is not there, and the annotations name it"
                : "is not there, nor are \(missing.count - 1) other pictures of the \(truth.images.count) that the annotations name"
        )
    }

    /// Finds objects in all pictures, which are read ahead and looked at in batches.
    /// - Parameter progress: Called after every batch with the number of pictures that are done, and of all; what it
    ///   throws ends the work.
    /// - Throws: What detection and `progress` throw; `CancellationError`. A picture that cannot be used is one of
    ///   ``Detections/faults``.
    public func detections(
        of detector: Detector, options: ScoringOptions,
        progress: (_ done: Int, _ count: Int) throws -> Void = { _, _ in }
    ) async throws -> Detections {
        var result = Detections(includesMasks: options.includesMasks)
        let stream = try pictures(for: detector)
        while let batch = await stream.next() {
            try Task.checkCancellation()
            let found = try await detector.detect(
                prepared: batch.pictures.map(\.value.prepared), vocabulary: vocabulary, options: options)
            try add(batch, found, options, to: &result)
            try progress(batch.end, stream.count)
        }
        return result
    }

    /// Synchronous variant of the method of this name.
    public func detections(
        of detector: Detector, options: ScoringOptions,
        progress: (_ done: Int, _ count: Int) throws -> Void = { _, _ in }
    ) throws -> Detections {
        var result = Detections(includesMasks: options.includesMasks)
        let stream = try pictures(for: detector)
        while let batch = stream.next() {
            let found = try detector.detect(
                prepared: batch.pictures.map(\.value.prepared), vocabulary: vocabulary, options: options)
            try add(batch, found, options, to: &result)
            try progress(batch.end, stream.count)
        }
        return result
    }

    // MARK: Pictures

    /// A picture that was read.
    private struct Sample: Sendable {
        let prepared: PreparedImage
        /// Its pixels, when they are drawn on.
        let image: Image?
    }

    private func paths() throws -> [String] {
        let pictures = PictureFolder(path: folder)
        return try (0..<truth.images.count).map { row in
            guard let path = pictures.location(of: truth.images[row]) else {
                throw EvaluationError("image \(truth.images.ids[row])", "names no file")
            }
            return path
        }
    }

    private func pictures(for detector: Detector) throws -> PictureStream<Sample> {
        let (paths, images, pictureCount) = (try paths(), truth.images, pictureCount)
        return PictureStream(paths, batchSize: batchSize) { image, row in
            let record = images[row]
            guard record.width == 0 || (image.width == record.width && image.height == record.height) else {
                throw EvaluationError(
                    paths[row],
                    "has \(image.size) pixels, its annotations say \(record.width) x \(record.height)")
            }
            return Sample(prepared: try detector.prepare(image), image: row < pictureCount ? image : nil)
        }
    }

    private func add(
        _ batch: PictureStream<Sample>.Batch, _ found: [[FVLM.Detection]], _ options: ScoringOptions,
        to result: inout Detections
    ) throws {
        result.faults += batch.faults.map { Fault(imageID: truth.images.ids[$0.index], error: $0.error) }
        for (picture, detections) in zip(batch.pictures, found) {
            let record = truth.images[picture.index]
            for detection in detections {
                result.table.append(
                    try DetectionRecord(
                        detection, imageID: record.id, categoryID: categoryIDs[detection.classIndex],
                        size: picture.value.prepared.size))
            }
            if let image = picture.value.image {
                result.pictures.append(try self.picture(record, image, detections))
            }
        }
    }
}
