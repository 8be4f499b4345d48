/// The contents of an annotation file: COCO instances or LVIS v1.
///
/// ```swift
/// let truth = try Dataset(contentsOf: "instances_val2017.json")
/// print(truth.images.count, truth.annotations.count, truth.categories.map(\.name))
/// ```
///
/// Rows are in the file's order. Only the types of the fields are checked: ids may repeat or refer to nothing, so that
/// a broken data set can be examined.
public struct Dataset: Sendable {
    /// The images.
    public var images = ImageTable()

    /// The classes.
    public var categories: [Category] = []

    /// The annotated objects.
    public var annotations = AnnotationTable()

    /// The field `info` as JSON text.
    public var info: String?

    /// The field `licenses` as JSON text.
    public var licenses: String?

    /// Annotations of which not everything could be read, where the file was read tolerantly, in the order of the file.
    package internal(set) var faults: [RecordFault] = []

    /// Creates an empty data set.
    public init() {}

    /// Whether the images have LVIS's lists of absent and of not exhaustively annotated classes.
    public var isFederated: Bool {
        images.negativeCategoryIDs.hasLists || images.notExhaustiveCategoryIDs.hasLists
    }

    /// The number of annotations of every category, keyed by its id: 0 for those without any, such as the root of a
    /// tree of categories.
    public var annotationCounts: [Int64: Int] {
        var counts = Dictionary(categories.map { ($0.id, 0) }, uniquingKeysWith: { first, _ in first })
        for id in annotations.categoryIDs { counts[id]? += 1 }
        return counts
    }
}

/// A class of objects.
public struct Category: Sendable, Hashable {
    /// LVIS's groups by the number of training images that contain the class.
    public enum Frequency: String, Sendable, Hashable, CaseIterable {
        /// 1 to 10 images.
        case rare = "r"
        /// 11 to 100 images.
        case common = "c"
        /// More than 100 images.
        case frequent = "f"
    }

    /// The id; any 64-bit integer.
    public var id: Int64

    /// The name.
    public var name: String

    /// The name of the parent group.
    public var supercategory: String?

    /// LVIS: the frequency of the class in the training set.
    public var frequency: Frequency?

    /// LVIS: the number of training images that contain the class.
    public var imageCount: Int?

    /// LVIS: the number of training objects of the class.
    public var instanceCount: Int?

    /// LVIS: the WordNet synset.
    public var synset: String?

    /// LVIS: other names.
    public var synonyms: [String]

    /// LVIS: the definition.
    public var definition: String?

    /// Creates a category.
    public init(
        id: Int64, name: String, supercategory: String? = nil, frequency: Frequency? = nil,
        imageCount: Int? = nil, instanceCount: Int? = nil, synset: String? = nil, synonyms: [String] = [],
        definition: String? = nil
    ) {
        self.id = id
        self.name = name
        self.supercategory = supercategory
        self.frequency = frequency
        self.imageCount = imageCount
        self.instanceCount = instanceCount
        self.synset = synset
        self.synonyms = synonyms
        self.definition = definition
    }
}

extension [Category] {
    /// The names by id; of several categories with one id, the first counts.
    package var namesByID: [Int64: String] {
        Dictionary(map { ($0.id, $0.name) }, uniquingKeysWith: { first, _ in first })
    }
}
