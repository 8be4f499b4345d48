import CLIP
import COCO
import FVLM
import Support
import Foundation
import Imaging
import WeightFiles

/// A data set in COCO format, prepared for training.
///
/// Pictures are decoded when an example is made; only the annotations stay in memory.
struct TrainingDataset: ExampleSource {
    /// How images and objects are selected.
    struct Options: Sendable, Hashable {
        /// The classes to train.
        var classes = ClassSelection.all

        /// Whether images without any object of these classes are included.
        var keepsImagesWithoutObjects = true

        /// The minimum side of an object's box after cropping, in pixels of the network's frame; objects with narrower
        /// or lower boxes are dropped.
        var minimumBoxSide = 1.0

        /// The minimum fraction of an object's box that remains after cropping; other objects are dropped.
        var minimumVisibleShare = 0.0

        /// Whether masks are used; without them only boxes are trained.
        var usesMasks = true
    }

    /// Counts of included and excluded records.
    struct Summary: Sendable, Hashable {
        /// Included images.
        var images = 0
        /// Included objects.
        var objects = 0
        /// Crowds and ignored regions of the selected classes.
        var crowds = 0
        /// Annotations of other classes, which were removed.
        var removedAnnotations = 0
        /// Objects without a box of positive extent, which cannot be trained on.
        var degenerateObjects = 0
        /// Images excluded because no object was left.
        var droppedImages = 0
        /// Objects with a mask.
        var masks = 0
        /// The names of selected classes without any object.
        var emptyClasses: [String] = []
        /// Whether classes without objects are trained anyway, like those of a published split.
        var keepsEmptyClasses = false
    }

    /// The names of the trained classes, in the order of ``TrainingExample/classes``.
    let classNames: [String]

    /// The ids of these classes in the annotations.
    let categoryIDs: [Int64]

    /// Counts of included and excluded records.
    let summary: Summary

    /// How pictures and objects are augmented.
    let augmentation: Augmentation

    /// The normalization of pixels.
    let normalization: PixelNormalization

    /// How pixels are sampled.
    let filter: ResamplingFilter

    /// Whether pictures stay bytes, of which the network's device makes numbers.
    var sendsBytes = false

    /// See ``Options``.
    let options: Options

    /// Identifies the data set: a hash of the ids of its images, objects and classes.
    let fingerprint: String

    /// Records that cannot be used.
    let faults: DataFaults

    let dataset: Dataset
    let folder: String
    let classOfCategory: [Int64: Int]

    /// The rows of the included images.
    let imageRows: [Int]

    /// The rows of each included image's annotations.
    let annotationRows: [[Int]]

    /// Creates a data set from annotations and a folder of pictures.
    /// - Parameters:
    ///   - folder: The folder that the annotations' file names are relative to.
    /// - Throws: ``TrainingError`` if an annotation names an image or a class that does not exist, an id occurs twice,
    ///   or nothing is left to train on; `COCOError` for a split that does not fit.
    init(
        _ dataset: Dataset, imagesIn folder: String, augmentation: Augmentation = Augmentation(),
        normalization: PixelNormalization = .clip, filter: ResamplingFilter = .bilinear,
        options: Options = Options(), faults: DataFaults = DataFaults()
    ) throws {
        let selected = try options.classes.categoryIDs(in: dataset)
        try faults.add(dataset.faults, of: dataset.annotations.count)
        let rows = try Rows(dataset, Set(selected), faults)
        var summary = rows.summary
        let names = dataset.categories.namesByID
        // A class without objects would be learned as absent everywhere. Published splits are kept unchanged.
        let isPublished = if case .split = options.classes { true } else { false }
        let categoryIDs = isPublished ? selected : selected.filter(rows.categoriesWithObjects.contains)
        summary.keepsEmptyClasses = isPublished
        summary.emptyClasses = selected.filter { !rows.categoriesWithObjects.contains($0) }
            .map { names[$0] ?? "" }
        let classOfCategory = Dictionary(
            categoryIDs.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
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
                "no image is left of \(dataset.images.count): \(summary.removedAnnotations) annotations are of classes that are not trained"
            )
        }
        guard summary.objects > 0 else {
            throw TrainingError(
                "training set",
                (["no object is left to learn from"] + summary.exclusions).joined(separator: "; "))
        }
        self.dataset = dataset
        self.folder = folder
        self.categoryIDs = categoryIDs
        self.classOfCategory = classOfCategory
        self.imageRows = imageRows
        self.annotationRows = annotationRows
        self.summary = summary
        self.augmentation = augmentation
        self.normalization = normalization
        self.filter = filter
        self.options = options
        self.faults = faults
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

    /// The categories whose names are encoded: all except those without objects that share another's name, such as the
    /// root categories of export sites.
    /// - Throws: ``TrainingError`` if two categories with objects have the same name.
    func vocabularyCategories(_ categories: [COCO.Category]) throws -> [COCO.Category] {
        func key(_ category: COCO.Category) -> String { ClassNames.key(category.name) }
        let trained = Set(categoryIDs)
        var owners: [String: COCO.Category] = [:]
        // Those with objects first, so that they take precedence.
        for category in categories.filter({ trained.contains($0.id) })
            + categories.filter({ !trained.contains($0.id) })
        {
            guard let owner = owners[key(category)] else {
                owners[key(category)] = category
                continue
            }
            guard trained.contains(category.id) else { continue }
            throw TrainingError(
                "categories",
                "\(owner.id) '\(owner.name)' and \(category.id) '\(category.name)' have the same name: the text tower cannot "
                    + "distinguish them; merge their ids or rename one")
        }
        return categories.filter { owners[key($0)]?.id == $0.id }
    }

    /// The number of included images.
    var count: Int { imageRows.count }

    /// The id of an image.
    func imageID(at row: Int) -> Int64 { dataset.images.ids[imageRows[row]] }

    /// The path of an image's file.
    func path(at row: Int) -> String { dataset.picturePath(imageRows[row], in: folder) }

    /// Checks that the pictures of all included images exist, before a training starts.
    /// - Throws: ``TrainingError`` with the number of missing ones and the first name.
    func checkPictures() throws { try dataset.checkPictures(of: imageRows, in: folder) }
}

extension TrainingDataset.Summary {
    /// The included records, as one line.
    func text(classCount: Int) -> String {
        "\(images) pictures with \(objects) objects of \(classCount) classes"
            + (crowds > 0 ? ", \(crowds) crowds" : "")
    }

    /// The excluded records, one line each.
    var exclusions: [String] {
        func line(_ count: Int, _ one: String, _ many: String) -> String? {
            count == 0 ? nil : "\(count) \(count == 1 ? one : many)"
        }
        let classes = emptyClasses.prefix(8).map { "'\($0)'" }.joined(separator: ", ")
        return [
            line(
                degenerateObjects, "object has a box without extent: skipped",
                "objects have boxes without extent: skipped"),
            objects == 0
                ? line(
                    crowds, "annotation is a crowd, not an object",
                    "annotations are crowds, not objects") : nil,
            line(
                removedAnnotations, "annotation is of a class that is not trained: skipped",
                "annotations are of classes that are not trained: skipped"),
            line(
                droppedImages, "picture has no object: skipped",
                "pictures have no object: skipped"),
            emptyClasses.isEmpty
                ? nil
                : "\(emptyClasses.count == 1 ? "1 class has" : "\(emptyClasses.count) classes have") no object: \(keepsEmptyClasses ? "learned as absent" : "not trained") (\(classes)\(emptyClasses.count > 8 ? ", …" : ""))",
        ].compactMap { $0 }
    }
}

extension TrainingDataset {
    /// The annotations of each image that belong to selected classes.
    private struct Rows {
        var annotations: [[Int]]
        var summary = Summary()

        var categoriesWithObjects: Set<Int64> = []

        init(_ dataset: Dataset, _ selected: Set<Int64>, _ faults: DataFaults) throws {
            let images = IDIndex(dataset.images.ids)
            if let row = images.duplicates.first {
                throw TrainingError(
                    "image \(dataset.images.ids[row])",
                    "occurs twice in the annotations; fvlm check-dataset lists all such faults")
            }
            let known = Set(dataset.categories.map(\.id))
            annotations = Array(repeating: [], count: dataset.images.count)
            let table = dataset.annotations
            for row in 0..<table.count {
                func exclude(_ named: String) throws {
                    try faults.add(
                        .object, row: row, of: table.count,
                        TrainingError(
                            "annotation \(table.ids[row])",
                            "names \(named), which does not exist; fvlm check-dataset lists all such faults"))
                }
                guard let image = images[table.imageIDs[row]] else {
                    try exclude("image \(table.imageIDs[row])")
                    continue
                }
                guard known.contains(table.categoryIDs[row]) else {
                    try exclude("category \(table.categoryIDs[row])")
                    continue
                }
                guard selected.contains(table.categoryIDs[row]) else {
                    summary.removedAnnotations += 1
                    continue
                }
                guard dataset.hasExtent(row) else {
                    summary.degenerateObjects += 1
                    continue
                }
                if dataset.isCrowd(row) {
                    summary.crowds += 1
                } else {
                    summary.objects += 1
                    if dataset.hasMask(row) { summary.masks += 1 }
                    categoriesWithObjects.insert(table.categoryIDs[row])
                }
                annotations[image].append(row)
            }
        }
    }
}

extension Dataset {
    /// Regions that are neither object nor background: COCO's crowds, and regions that LVIS-like files mark as ignored.
    func isCrowd(_ row: Int) -> Bool {
        !annotations.flags[row].isDisjoint(with: [.isCrowd, .isIgnored])
    }

    /// Whether an annotation's box, stated or derived from its outline, has positive extent.
    fileprivate func hasExtent(_ row: Int) -> Bool {
        if annotations.flags[row].contains(.hasBox) {
            let box = annotations.boxes[row]
            return [box.x, box.y, box.width, box.height].allSatisfy(\.isFinite) && box.width > 0
                && box.height > 0
        }
        return hasMask(row)
    }

    /// Whether an annotation has a non-empty mask.
    func hasMask(_ row: Int) -> Bool {
        switch annotations.segmentations.kind(row) {
        case .none: false
        case .polygons: annotations.segmentations.ringCount(row) > 0
        case .runLengths, .compressedRunLengths: true
        }
    }
}
