import CLIP
import COCO
import FVLM
import Support
import Foundation
import Imaging
import WeightFiles

/// A data set in the COCO format, ready to be trained on.
///
/// Pictures are decoded when an example is asked for; nothing but the annotations stays in memory.
public struct TrainingDataset: ExampleSource {
    /// What is done with images and objects.
    public struct Options: Sendable, Hashable {
        /// The classes that are trained on.
        public var classes: ClassSelection

        /// Whether images without any object of these classes take part.
        public var keepsImagesWithoutObjects: Bool

        /// Objects whose box, in the network's frame, is narrower or lower than this after cropping are left out.
        /// In pixels.
        public var minimumBoxSide: Double

        /// Objects of which a smaller share of the box is left after cropping are left out.
        public var minimumVisibleShare: Double

        /// Whether masks are made; without them only boxes are trained.
        public var usesMasks: Bool

        /// Options; the defaults keep everything that can be trained on.
        public init(
            classes: ClassSelection = .all, keepsImagesWithoutObjects: Bool = true,
            minimumBoxSide: Double = 1,
            minimumVisibleShare: Double = 0, usesMasks: Bool = true
        ) {
            self.classes = classes
            self.keepsImagesWithoutObjects = keepsImagesWithoutObjects
            self.minimumBoxSide = minimumBoxSide
            self.minimumVisibleShare = minimumVisibleShare
            self.usesMasks = usesMasks
        }
    }

    /// What takes part, and what was left out.
    public struct Summary: Sendable, Hashable {
        /// Images that take part.
        public var images = 0
        /// Objects that take part.
        public var objects = 0
        /// Crowds and ignored regions of the classes that are trained on.
        public var crowds = 0
        /// Annotations of other classes, which were removed.
        public var removedAnnotations = 0
        /// Objects without a box of positive extent, which cannot be trained on.
        public var degenerateObjects = 0
        /// Images that were left out since no object was left.
        public var droppedImages = 0
    }

    /// The names of the classes that are trained on, in the order of ``TrainingExample/classes``.
    public let classNames: [String]

    /// The ids of these classes in the annotations.
    public let categoryIDs: [Int64]

    /// What takes part.
    public let summary: Summary

    /// How pictures and objects are varied.
    public let augmentation: Augmentation

    /// How colours become numbers.
    public let normalization: PixelNormalization

    /// See ``Options``.
    public let options: Options

    /// What the data set is: a hash of the ids of its images, objects and classes.
    public let fingerprint: String

    let dataset: Dataset
    let folder: String
    let classOfCategory: [Int64: Int]

    /// The rows of images that take part.
    let imageRows: [Int]

    /// The rows of annotations of each image that takes part.
    let annotationRows: [[Int]]

    /// A data set of annotations and a folder of pictures.
    /// - Parameters:
    ///   - folder: What the file names of the annotations are relative to.
    /// - Throws: ``TrainingError`` when an annotation names an image or a class that is not there, an id occurs twice,
    ///   or nothing is left to train on; `COCOError` for a split that does not fit.
    public init(
        _ dataset: Dataset, imagesIn folder: String, augmentation: Augmentation = Augmentation(),
        normalization: PixelNormalization = .clip, options: Options = Options()
    ) throws {
        let categoryIDs = try options.classes.categoryIDs(in: dataset)
        let classOfCategory = Dictionary(
            categoryIDs.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        let rows = try Rows(dataset, classOfCategory)
        var summary = rows.summary
        var (imageRows, annotationRows): ([Int], [[Int]]) = ([], [])
        for (image, annotations) in rows.annotations.enumerated() {
            let hasObjects = annotations.contains { !dataset.isCrowd($0) }
            guard hasObjects || options.keepsImagesWithoutObjects else {
                summary.droppedImages += 1
                continue
            }
            imageRows.append(image)
            annotationRows.append(annotations)
        }
        summary.images = imageRows.count
        guard !imageRows.isEmpty else {
            throw TrainingError(
                "training set",
                "no image is left of \(dataset.images.count): \(summary.removedAnnotations) annotations are of classes that are not trained on"
            )
        }
        let names = Dictionary(
            dataset.categories.map { ($0.id, $0.name) }, uniquingKeysWith: { first, _ in first })
        self.dataset = dataset
        self.folder = folder
        self.categoryIDs = categoryIDs
        self.classOfCategory = classOfCategory
        self.imageRows = imageRows
        self.annotationRows = annotationRows
        self.summary = summary
        self.augmentation = augmentation
        self.normalization = normalization
        self.options = options
        classNames = categoryIDs.map { names[$0] ?? "" }
        var hash = SHA256()
        for id in categoryIDs { hash.update(id) }
        for (image, annotations) in zip(imageRows, annotationRows) {
            hash.update(dataset.images.ids[image])
            hash.update(Int64(annotations.count))
            for row in annotations { hash.update(dataset.annotations.ids[row]) }
        }
        fingerprint = String(hash.finalized().hexadecimal.prefix(32))
    }

    /// The number of images that take part.
    public var count: Int { imageRows.count }

    /// The id of an image.
    public func imageID(at row: Int) -> Int64 { dataset.images.ids[imageRows[row]] }

    /// The path of an image's file.
    public func path(at row: Int) -> String { dataset.picturePath(imageRows[row], in: folder) }

    /// Makes sure that the pictures of all images that take part are there: a training should not begin otherwise.
    /// - Throws: ``TrainingError`` that counts those that are missing and names the first.
    public func checkPictures() throws { try dataset.checkPictures(of: imageRows, in: folder) }
}

extension Dataset {
    /// The path of a picture by the rule that all commands share; empty when the annotations name no file.
    func picturePath(_ row: Int, in folder: String) -> String {
        PictureFolder(path: folder).location(of: images[row]) ?? ""
    }

    /// Makes sure that pictures are there.
    /// - Throws: ``TrainingError`` that counts those that are missing and names the first.
    func checkPictures(of rows: [Int], in folder: String) throws {
        let missing = rows.filter { !FileManager.default.fileExists(atPath: picturePath($0, in: folder)) }
        guard let first = missing.first else { return }
        throw TrainingError(
            picturePath(first, in: folder),
            missing.count == 1
                ? "is not there, and the annotations name it"
                : "is not there, nor are \(missing.count - 1) other pictures of the \(rows.count) that the annotations name"
        )
    }
}

extension TrainingDataset {
    /// The annotations of each image that belong to classes that are trained on.
    private struct Rows {
        var annotations: [[Int]]
        var summary = Summary()

        init(_ dataset: Dataset, _ classOfCategory: [Int64: Int]) throws {
            let images = IDIndex(dataset.images.ids)
            if let row = images.duplicates.first {
                throw TrainingError(
                    "image \(dataset.images.ids[row])",
                    "stands twice in the annotations; fvlm check-dataset lists all such faults")
            }
            let known = Set(dataset.categories.map(\.id))
            annotations = Array(repeating: [], count: dataset.images.count)
            let table = dataset.annotations
            for row in 0..<table.count {
                guard let image = images[table.imageIDs[row]] else {
                    throw TrainingError(
                        "annotation \(table.ids[row])",
                        "names image \(table.imageIDs[row]), which is not there; fvlm check-dataset lists all such faults"
                    )
                }
                guard known.contains(table.categoryIDs[row]) else {
                    throw TrainingError(
                        "annotation \(table.ids[row])",
                        "names category \(table.categoryIDs[row]), which is not there; fvlm check-dataset lists all such faults"
                    )
                }
                guard classOfCategory[table.categoryIDs[row]] != nil else {
                    summary.removedAnnotations += 1
                    continue
                }
                guard try dataset.hasExtent(row) else {
                    summary.degenerateObjects += 1
                    continue
                }
                if dataset.isCrowd(row) { summary.crowds += 1 } else { summary.objects += 1 }
                annotations[image].append(row)
            }
        }
    }
}

extension Dataset {
    /// Regions that are neither object nor background: COCO's crowds, and what LVIS-like files tell to ignore.
    func isCrowd(_ row: Int) -> Bool {
        !annotations.flags[row].isDisjoint(with: [.isCrowd, .isIgnored])
    }

    /// Whether an annotation has a box, stated or by its outline, of positive extent.
    fileprivate func hasExtent(_ row: Int) throws -> Bool {
        if annotations.flags[row].contains(.hasBox) {
            let box = annotations.boxes[row]
            return [box.x, box.y, box.width, box.height].allSatisfy(\.isFinite) && box.width > 0
                && box.height > 0
        }
        return annotations.segmentations.kind(row) != .none
    }
}
