/// One detected object.
public struct DetectionRecord: Sendable, Hashable {
    /// The id of the image.
    public var imageID: Int64

    /// The id of the class.
    public var categoryID: Int64

    /// The confidence; higher means more certain.
    public var score: Double

    /// The box in pixels of the image.
    public var box: BoundingBox?

    /// The mask.
    public var segmentation: Segmentation?

    /// Creates a detection.
    public init(
        imageID: Int64, categoryID: Int64, score: Double, box: BoundingBox? = nil,
        segmentation: Segmentation? = nil
    ) {
        self.imageID = imageID
        self.categoryID = categoryID
        self.score = score
        self.box = box
        self.segmentation = segmentation
    }
}

/// The detections of a result file as columns.
///
/// ```swift
/// let detections = try DetectionTable(contentsOf: "detections.json")
/// print(detections.count)
/// ```
public struct DetectionTable: Sendable {
    /// The ids of the images, in the file's order.
    public private(set) var imageIDs: [Int64] = []

    /// The ids of the classes.
    public private(set) var categoryIDs: [Int64] = []

    /// The scores, all finite.
    public private(set) var scores: [Double] = []

    /// The boxes in pixels; all zero where ``hasBox`` is false.
    public private(set) var boxes: [BoundingBox] = []

    /// Whether the rows have a box.
    public private(set) var hasBox: [Bool] = []

    /// The masks.
    package internal(set) var segmentations = SegmentationColumn()

    /// Creates an empty table.
    public init() {}

    /// The number of detections.
    public var count: Int { scores.count }

    /// The detection in a row.
    public subscript(row: Int) -> DetectionRecord {
        DetectionRecord(
            imageID: imageIDs[row], categoryID: categoryIDs[row], score: scores[row],
            box: hasBox[row] ? boxes[row] : nil, segmentation: segmentations[row])
    }

    /// Adds a detection.
    public mutating func append(_ detection: DetectionRecord) {
        segmentations.append(detection.segmentation)
        appendColumns(
            imageID: detection.imageID, categoryID: detection.categoryID, score: detection.score,
            box: detection.box)
    }

    /// Adds a copy of a row of another table.
    public mutating func append(row: Int, of other: DetectionTable) {
        segmentations.append(row: row, of: other.segmentations)
        appendColumns(
            imageID: other.imageIDs[row], categoryID: other.categoryIDs[row], score: other.scores[row],
            box: other.hasBox[row] ? other.boxes[row] : nil)
    }

    /// Adds everything but the mask, which the caller has added to its column.
    mutating func appendColumns(imageID: Int64, categoryID: Int64, score: Double, box: BoundingBox?) {
        imageIDs.append(imageID)
        categoryIDs.append(categoryID)
        scores.append(score)
        boxes.append(box ?? BoundingBox(x: 0, y: 0, width: 0, height: 0))
        hasBox.append(box != nil)
    }

    /// See ``AnnotationTable/reserve(forFileOf:)``.
    mutating func reserve(forFileOf byteCount: Int) {
        let rows = byteCount / 80
        imageIDs.reserveCapacity(rows)
        categoryIDs.reserveCapacity(rows)
        scores.reserveCapacity(rows)
        boxes.reserveCapacity(rows)
        hasBox.reserveCapacity(rows)
        segmentations.rows.reserveCapacity(rows)
        segmentations.characters.reserveCapacity(byteCount)
    }
}
