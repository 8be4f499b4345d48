/// An annotation of which not everything could be read, where the file is read tolerantly.
package struct RecordFault: Sendable, Hashable {
    /// What is lost.
    package enum Loss: Sendable, Hashable {
        /// The annotation: it has no row.
        case annotation
        /// Its segmentation: its row has none.
        case segmentation
        /// The last number of a polygon, which has an odd count of them. It is kept; as the COCO tools do, masks are made
        /// without it.
        case unpairedNumber
    }

    /// What is lost.
    package let loss: Loss

    /// The row of the annotation; of one that has no row, that of the next one that has.
    package let row: Int

    /// The id of the image that the annotation is of, where it can be told.
    package let imageID: Int64?

    /// The id of the annotation, where it can be told.
    package let id: Int64?

    /// Why, with file, line, column and id.
    package let error: AnnotationFileError
}
