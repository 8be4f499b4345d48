import COCO
import FVLM
import Foundation
import Imaging

/// The data set that a training is evaluated on, checked before the first step rather than hours later.
struct ValidationSet {
    /// The ground truth, without pictures that cannot be used.
    let truth: Dataset

    /// The folder of its pictures.
    let folder: String

    /// The names of the evaluated classes.
    let classNames: [String]

    /// Base and novel classes, if they are reported separately.
    let splits: [CategorySplit]

    /// Whether masks are evaluated: the detector has a mask head and every object has a mask.
    let includesMasks: Bool

    /// Notes about skipped records.
    let notes: [String]

    /// Creates the validation set of a configuration; nil if it has none.
    /// - Parameter trained: The names of the trained classes.
    /// - Throws: ``TrainingError`` for data that cannot be evaluated on; `COCOFileError`, `COCOError`.
    init?(_ configuration: TrainingConfiguration, trainedOn trained: [String]) throws {
        let data = configuration.data
        guard let path = data.validationAnnotations, let folder = data.validationImages else { return nil }
        let annotations = try Dataset(tolerating: path)
        let faults = DataFaults(data.faults, limit: data.faultLimit)
        try faults.add(annotations.faults, of: annotations.annotations.count)
        self.folder = folder
        splits = try data.split?.classes.parts(of: annotations) ?? []
        let scored = Set(splits.flatMap(\.categoryIDs))
        // All classes of a split are evaluated, trained or not.
        classNames =
            splits.isEmpty ? trained : annotations.categories.filter { scored.contains($0.id) }.map(\.name)
        let (truth, pictureNotes) = try Self.usable(annotations, in: folder, faults)
        let (masks, objects) = Self.counts(truth)
        includesMasks = configuration.detector.network.masks && masks == objects
        var notes = pictureNotes
        if configuration.detector.network.masks, !includesMasks {
            notes.append(
                "validation: \(objects - masks) of \(objects) objects have no mask: only boxes are evaluated")
        }
        self.truth = truth
        self.notes = notes
    }

    /// Objects and those with a mask; pictures with a mask that cannot be read are not measured by masks.
    private static func counts(_ truth: Dataset) -> (masks: Int, objects: Int) {
        let unused = Set(truth.faults.filter { $0.loss == .segmentation }.compactMap(\.imageID))
        let rows = (0..<truth.annotations.count).filter {
            !unused.contains(truth.annotations.imageIDs[$0])
        }
        return (rows.count { truth.hasMask($0) }, rows.count)
    }

    /// The data set without pictures that cannot be decoded or whose size differs from the annotations'.
    private static func usable(
        _ annotations: Dataset, in folder: String, _ faults: DataFaults
    ) throws -> (Dataset, notes: [String]) {
        let count = annotations.images.count
        try annotations.checkPictures(of: Array(0..<count), in: folder)
        @Sendable func check(_ row: Int, _ body: () throws -> Void) throws {
            guard !faults.contains(.picture, row: row) else { return }
            do { try body() } catch let error as ImagingError {
                let path = annotations.picturePath(row, in: folder)
                try faults.add(.picture, row: row, of: count, TrainingError(path, error.reason))
            } catch let error as TrainingError {
                try faults.add(.picture, row: row, of: count, error)
            }
        }
        let decoded = try lookOver(count, for: .seconds(10)) { row in
            try check(row) { _ = try annotations.picture(row, in: folder) }
        }
        if decoded < count {
            _ = try lookOver(count, for: .seconds(10)) { row in
                try check(row) { _ = try annotations.pictureSize(row, in: folder) }
            }
        }
        let notes = faults.news().map { "validation: \($0)" }
        guard faults.count(.picture) > 0 else { return (annotations, notes) }
        var result = annotations
        result.images = ImageTable()
        result.annotations = AnnotationTable()
        for row in 0..<count where !faults.contains(.picture, row: row) {
            result.images.append(annotations.images[row])
        }
        let kept = Set(result.images.ids)
        for row in 0..<annotations.annotations.count
        where kept.contains(annotations.annotations.imageIDs[row]) {
            result.annotations.append(row: row, of: annotations.annotations)
        }
        return (result, notes)
    }
}
