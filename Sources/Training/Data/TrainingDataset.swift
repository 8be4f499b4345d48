import CLIP
import COCO
import FVLM
import Support
import Foundation
import Imaging
import WeightFiles

/// A data set in the COCO format, ready to be trained on.
///
/// Pictures are decoded when an example is made; only the annotations stay in memory.
struct TrainingDataset: ExampleSource {
    /// What is done with images and objects.
    struct Options: Sendable, Hashable {
        /// The classes that are trained on.
        var classes = ClassSelection.all

        /// Whether images without any object of these classes take part.
        var keepsImagesWithoutObjects = true

        /// Objects whose box, in the network's frame, is narrower or lower than this after cropping are left out.
        /// In pixels.
        var minimumBoxSide = 1.0

        /// Objects of which a smaller share of the box is left after cropping are left out.
        var minimumVisibleShare = 0.0

        /// Whether masks are made; without them only boxes are trained.
        var usesMasks = true
    }

    /// What takes part, and what was left out.
    struct Summary: Sendable, Hashable {
        /// Images that take part.
        var images = 0
        /// Objects that take part.
        var objects = 0
        /// Crowds and ignored regions of the classes that are trained on.
        var crowds = 0
        /// Annotations of other classes, which were removed.
        var removedAnnotations = 0
        /// Objects without a box of positive extent, which cannot be trained on.
        var degenerateObjects = 0
        /// Images that were left out since no object was left.
        var droppedImages = 0
        /// Objects with a mask.
        var masks = 0
        /// The names of selected classes without any object.
        var emptyClasses: [String] = []
        /// Whether classes without objects are trained on all the same, as those of a published split.
        var keepsEmptyClasses = false
    }

    /// The names of the classes that are trained on, in the order of ``TrainingExample/classes``.
    let classNames: [String]

    /// The ids of these classes in the annotations.
    let categoryIDs: [Int64]

    /// What takes part.
    let summary: Summary

    /// How pictures and objects are varied.
    let augmentation: Augmentation

    /// How colours become numbers.
    let normalization: PixelNormalization

    /// See ``Options``.
    let options: Options

    /// What the data set is: a hash of the ids of its images, objects and classes.
    let fingerprint: String

    /// Records that cannot be used.
    let faults: DataFaults

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
    init(
        _ dataset: Dataset, imagesIn folder: String, augmentation: Augmentation = Augmentation(),
        normalization: PixelNormalization = .clip, options: Options = Options(),
        faults: DataFaults = DataFaults()
    ) throws {
        let selected = try options.classes.categoryIDs(in: dataset)
        let rows = try Rows(dataset, Set(selected), faults)
        var summary = rows.summary
        let names = Dictionary(
            dataset.categories.map { ($0.id, $0.name) }, uniquingKeysWith: { first, _ in first })
        // A class without objects would be learned as something that is nowhere. Published splits are kept as they are.
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
                "no image is left of \(dataset.images.count): \(summary.removedAnnotations) annotations are of classes that are not trained on"
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

    /// The names of categories to encode: all but those without objects that are called as another one, as the root
    /// categories of export sites are.
    /// - Throws: ``TrainingError`` when two categories with objects have one name.
    func vocabularyCategories(_ categories: [COCO.Category]) throws -> [COCO.Category] {
        func key(_ category: COCO.Category) -> String { ClassNames.key(category.name) }
        let trained = Set(categoryIDs)
        var owners: [String: COCO.Category] = [:]
        // Those with objects first, so that the others give way to them.
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
                "\(owner.id) '\(owner.name)' and \(category.id) '\(category.name)' have one name: the text tower cannot "
                    + "tell them apart; give both annotations one id, or another name to one")
        }
        return categories.filter { owners[key($0)]?.id == $0.id }
    }

    /// The number of images that take part.
    var count: Int { imageRows.count }

    /// The id of an image.
    func imageID(at row: Int) -> Int64 { dataset.images.ids[imageRows[row]] }

    /// The path of an image's file.
    func path(at row: Int) -> String { dataset.picturePath(imageRows[row], in: folder) }

    /// Makes sure that the pictures of all images that take part are there: a training should not begin otherwise.
    /// - Throws: ``TrainingError`` that counts those that are missing and names the first.
    func checkPictures() throws { try dataset.checkPictures(of: imageRows, in: folder) }
}

extension TrainingDataset.Summary {
    /// What takes part, in a line.
    func text(classCount: Int) -> String {
        "\(images) pictures with \(objects) objects of \(classCount) classes"
            + (crowds > 0 ? ", \(crowds) crowds" : "")
    }

    /// What does not take part, a line each.
    var exclusions: [String] {
        func line(_ count: Int, _ one: String, _ many: String) -> String? {
            count == 0 ? nil : "\(count) \(count == 1 ? one : many)"
        }
        let classes = emptyClasses.prefix(8).map { "'\($0)'" }.joined(separator: ", ")
        return [
            line(
                degenerateObjects, "object has a box without extent: left out",
                "objects have boxes without extent: left out"),
            objects == 0
                ? line(
                    crowds, "annotation is a crowd, which is no object",
                    "annotations are crowds, which are no objects") : nil,
            line(
                removedAnnotations, "annotation is of a class that is not trained on: left out",
                "annotations are of classes that are not trained on: left out"),
            line(
                droppedImages, "picture has no object: left out",
                "pictures have no object: left out"),
            emptyClasses.isEmpty
                ? nil
                : "\(emptyClasses.count == 1 ? "1 class has" : "\(emptyClasses.count) classes have") no object: \(keepsEmptyClasses ? "learned as absent" : "not trained on") (\(classes)\(emptyClasses.count > 8 ? ", …" : ""))",
        ].compactMap { $0 }
    }
}

extension TrainingDataset {
    /// The annotations of each image that belong to classes that are trained on.
    private struct Rows {
        var annotations: [[Int]]
        var summary = Summary()

        var categoriesWithObjects: Set<Int64> = []

        init(_ dataset: Dataset, _ selected: Set<Int64>, _ faults: DataFaults) throws {
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
                func exclude(_ named: String) throws {
                    try faults.add(
                        .object, row: row, of: table.count,
                        TrainingError(
                            "annotation \(table.ids[row])",
                            "names \(named), which is not there; fvlm check-dataset lists all such faults"))
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
    /// Regions that are neither object nor background: COCO's crowds, and what LVIS-like files tell to ignore.
    func isCrowd(_ row: Int) -> Bool {
        !annotations.flags[row].isDisjoint(with: [.isCrowd, .isIgnored])
    }

    /// Whether an annotation has a box, stated or by its outline, of positive extent.
    fileprivate func hasExtent(_ row: Int) -> Bool {
        if annotations.flags[row].contains(.hasBox) {
            let box = annotations.boxes[row]
            return [box.x, box.y, box.width, box.height].allSatisfy(\.isFinite) && box.width > 0
                && box.height > 0
        }
        return hasMask(row)
    }

    /// Whether an annotation has a mask; an empty one is none.
    func hasMask(_ row: Int) -> Bool {
        switch annotations.segmentations.kind(row) {
        case .none: false
        case .polygons: annotations.segmentations.ringCount(row) > 0
        case .runLengths, .compressedRunLengths: true
        }
    }
}
