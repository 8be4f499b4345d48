/// A fault or peculiarity of a data set.
package struct DatasetFinding: Sendable, Hashable {
    /// The severity of a finding.
    package enum Severity: String, Sendable, Hashable, CaseIterable, Comparable {
        /// Training or scoring fails or gives wrong results.
        case error
        /// Probably a mistake; training and scoring work.
        case warning
        /// For information.
        case note

        /// Errors come before warnings, warnings before notes.
        package static func < (a: Severity, b: Severity) -> Bool { a.rank < b.rank }

        private var rank: Int {
            switch self {
            case .error: 0
            case .warning: 1
            case .note: 2
            }
        }
    }

    /// The kind of object that ``ids`` refer to.
    package enum Subject: String, Sendable, Hashable {
        /// Images.
        case image
        /// Annotated objects.
        case annotation
        /// Classes.
        case category
        /// Files in the folder of pictures, which have names but no ids.
        case file
    }

    /// The kind of finding.
    package let code: Code

    /// The kind of object counted.
    package let subject: Subject

    /// The number of occurrences.
    package let count: Int

    /// The ids of all occurrences in the file's order; none for files.
    package let ids: [Int64]

    /// The first few as text: `annotation 17: box [-3, 0, 10, 12] in a picture of 640 x 480`.
    package let examples: [String]

    /// The severity.
    package var severity: Severity { code.severity }
}

/// Collects the occurrences of one code, the first few as text.
struct FindingBuilder {
    let code: DatasetFinding.Code
    let exampleLimit: Int
    private var count = 0
    private var ids: [Int64] = []
    private var examples: [String] = []

    init(_ code: DatasetFinding.Code, exampleLimit: Int) {
        self.code = code
        self.exampleLimit = exampleLimit
    }

    /// Adds one; `example` is evaluated only while there is room.
    mutating func add(id: Int64?, _ example: @autoclosure () -> String) {
        count += 1
        if let id { ids.append(id) }
        if examples.count < exampleLimit { examples.append(example()) }
    }

    /// The finding; nil if nothing was added.
    var finding: DatasetFinding? {
        count == 0
            ? nil
            : DatasetFinding(code: code, subject: code.subject, count: count, ids: ids, examples: examples)
    }
}

extension DatasetFinding {
    /// The kinds of findings. The raw values are stable.
    package enum Code: String, Sendable, Hashable, CaseIterable {
        /// Images use the id of an earlier image.
        case duplicateImageID = "duplicate-image-id"
        /// Annotations use the id of an earlier annotation.
        case duplicateAnnotationID = "duplicate-annotation-id"
        /// Categories use the id of an earlier category.
        case duplicateCategoryID = "duplicate-category-id"
        /// Categories have the name of an earlier category.
        case duplicateCategoryName = "duplicate-category-name"
        /// Categories with annotations have the name of an earlier one with annotations.
        case ambiguousCategoryName = "ambiguous-category-name"
        /// Categories have no name.
        case emptyCategoryName = "empty-category-name"
        /// Categories have no annotation.
        case unusedCategory = "unused-category"
        /// Annotations refer to an image that the file does not have.
        case unknownImage = "unknown-image"
        /// Annotations refer to a category that the file does not have.
        case unknownCategory = "unknown-category"
        /// Annotations repeat an earlier one: same image, category and box.
        case duplicateAnnotation = "duplicate-annotation"
        /// Annotations are of a category that their image lists as absent (neg_category_ids).
        case absentCategoryAnnotated = "absent-category-annotated"
        /// Images list categories that the file does not have (neg_category_ids,
        /// not_exhaustive_category_ids).
        case unknownCategoryListed = "unknown-category-listed"
        /// Images lack LVIS's lists of categories, which others in the file have.
        case categoryListMissing = "category-list-missing"
        /// Images state no width or height.
        case imageWithoutSize = "image-without-size"
        /// Images have no file name.
        case imageWithoutFileName = "image-without-file-name"
        /// Images have no annotation.
        case imageWithoutAnnotations = "image-without-annotations"
        /// Images have the file name of an earlier image.
        case fileNameListedTwice = "file-name-listed-twice"
        /// Annotations have a field of another type than is needed, or lack one.
        case annotationUnreadable = "annotation-unreadable"
        /// Segmentations are neither polygons nor run lengths.
        case segmentationUnreadable = "segmentation-unreadable"
        /// Annotations have no box.
        case boxMissing = "box-missing"
        /// Boxes contain NaN or an infinite number.
        case boxNotFinite = "box-not-finite"
        /// Boxes have no width or height.
        case boxEmpty = "box-empty"
        /// Boxes are wholly outside their image.
        case boxOutside = "box-outside"
        /// Boxes extend more than one pixel beyond their image.
        case boxBeyondEdge = "box-beyond-edge"
        /// Polygons contain NaN or an infinite number.
        case polygonNotFinite = "polygon-not-finite"
        /// Polygons have an odd number of coordinates.
        case polygonOddCount = "polygon-odd-count"
        /// Polygons have fewer than three points.
        case polygonTooShort = "polygon-too-short"
        /// Polygons extend more than one pixel beyond their image.
        case polygonBeyondEdge = "polygon-beyond-edge"
        /// Masks cannot be decoded.
        case maskBroken = "mask-broken"
        /// Run-length masks differ in size from their image.
        case maskSizeDiffers = "mask-size-differs"
        /// Masks contain no pixels.
        case maskEmpty = "mask-empty"
        /// Crowds (iscrowd 1) have polygons, where COCO uses run lengths.
        case crowdWithoutRunLengths = "crowd-without-run-lengths"
        /// Annotations have no area.
        case areaMissing = "area-missing"
        /// Areas are NaN or infinite.
        case areaNotFinite = "area-not-finite"
        /// Annotations have an area that differs from their mask's or exceeds their box.
        case areaDisagrees = "area-disagrees"
        /// Annotations have a box that differs from their mask's.
        case boxDisagrees = "box-disagrees"
        /// Pictures are missing from the folder.
        case pictureMissing = "picture-missing"
        /// Files cannot be read as pictures.
        case pictureUnreadable = "picture-unreadable"
        /// Pictures differ in size from what the file states.
        case pictureSizeDiffers = "picture-size-differs"
        /// Pictures are stored turned (EXIF orientation), but the file states the size before turning.
        case pictureTurned = "picture-turned"
        /// Pictures are byte-for-byte copies of an earlier one.
        case pictureListedTwice = "picture-listed-twice"
        /// Files in the folder are not listed.
        case pictureNotListed = "picture-not-listed"
        /// Pictures are also in the other data set, byte for byte.
        case sharedPicture = "shared-picture"
        /// File names are also in the other data set.
        case sharedFileName = "shared-file-name"
        /// Categories have another id or name in the other data set.
        case categoryDiffers = "category-differs"
    }
}
