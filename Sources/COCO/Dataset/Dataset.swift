/// The contents of an annotation file: COCO instances or LVIS v1.
///
/// Rows stand in the file's order. Nothing is checked beyond the types of the fields: ids may repeat and may
/// lead nowhere, so that a broken data set can be examined.
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

    /// An empty data set.
    public init() {}

    /// Whether the images carry LVIS's lists of absent and of not exhaustively marked classes.
    public var isFederated: Bool {
        images.negativeCategoryIDs.hasLists || images.notExhaustiveCategoryIDs.hasLists
    }
}
