import Support

/// One annotated object.
public struct AnnotationRecord: Sendable, Hashable {
    /// The id; any 64-bit integer, including 0 and negative ones.
    public var id: Int64

    /// The id of the image.
    public var imageID: Int64

    /// The id of the class.
    public var categoryID: Int64

    /// The box in pixels of the image; nil if the file states none.
    public var box: BoundingBox?

    /// The area in square pixels; nil if the file states none.
    public var area: Double?

    /// Whether the annotation marks a crowd, whose objects need not be found individually.
    public var isCrowd: Bool

    /// The field `ignore` of LVIS-like files: the object need not be found, and finding it is not an error.
    public var isIgnored: Bool

    /// The outline.
    public var segmentation: Segmentation?

    /// The field `attributes` as a JSON object: what annotation tools know beyond COCO's fields, such as `occluded`; nil
    /// when the file states none.
    public var attributes: String?

    /// Creates an annotation.
    public init(
        id: Int64, imageID: Int64, categoryID: Int64, box: BoundingBox? = nil, area: Double? = nil,
        isCrowd: Bool = false, isIgnored: Bool = false, segmentation: Segmentation? = nil,
        attributes: String? = nil
    ) {
        self.id = id
        self.imageID = imageID
        self.categoryID = categoryID
        self.box = box
        self.area = area
        self.isCrowd = isCrowd
        self.isIgnored = isIgnored
        self.segmentation = segmentation
        self.attributes = attributes
    }
}

/// The annotations of a file as columns.
public struct AnnotationTable: Sendable {
    /// Properties of a row.
    public struct Flags: OptionSet, Sendable, Hashable {
        /// The bits.
        public let rawValue: UInt8

        /// Creates flags from their bits.
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// The file states a box.
        public static let hasBox = Flags(rawValue: 1)
        /// The file states an area.
        public static let hasArea = Flags(rawValue: 2)
        /// `iscrowd` is set.
        public static let isCrowd = Flags(rawValue: 4)
        /// `ignore` is set.
        public static let isIgnored = Flags(rawValue: 8)
    }

    /// The ids, in the file's order.
    public private(set) var ids: [Int64] = []

    /// The ids of the images.
    public private(set) var imageIDs: [Int64] = []

    /// The ids of the classes.
    public private(set) var categoryIDs: [Int64] = []

    /// The boxes in pixels; all zero where ``Flags/hasBox`` is not set.
    public private(set) var boxes: [BoundingBox] = []

    /// The areas in square pixels; 0 where ``Flags/hasArea`` is not set.
    public private(set) var areas: [Double] = []

    /// The properties of the rows.
    public private(set) var flags: [Flags] = []

    /// The outlines.
    package internal(set) var segmentations = SegmentationColumn()

    /// The attributes as JSON objects.
    package internal(set) var attributes = SparseTextColumn()

    /// Creates an empty table.
    public init() {}

    /// The number of annotations.
    public var count: Int { ids.count }

    /// The annotation in a row.
    public subscript(row: Int) -> AnnotationRecord {
        let flags = flags[row]
        return AnnotationRecord(
            id: ids[row], imageID: imageIDs[row], categoryID: categoryIDs[row],
            box: flags.contains(.hasBox) ? boxes[row] : nil,
            area: flags.contains(.hasArea) ? areas[row] : nil,
            isCrowd: flags.contains(.isCrowd), isIgnored: flags.contains(.isIgnored),
            segmentation: segmentations[row], attributes: attributes[row])
    }

    /// Adds an annotation.
    public mutating func append(_ annotation: AnnotationRecord) {
        var flags: Flags = []
        if annotation.box != nil { flags.insert(.hasBox) }
        if annotation.area != nil { flags.insert(.hasArea) }
        if annotation.isCrowd { flags.insert(.isCrowd) }
        if annotation.isIgnored { flags.insert(.isIgnored) }
        segmentations.append(annotation.segmentation)
        if let text = annotation.attributes { attributes.append(text, row: count) }
        appendColumns(
            id: annotation.id, imageID: annotation.imageID, categoryID: annotation.categoryID,
            box: annotation.box, area: annotation.area, flags: flags)
    }

    /// Adds a copy of a row of another table.
    public mutating func append(row: Int, of other: AnnotationTable) {
        segmentations.append(row: row, of: other.segmentations)
        if let text = other.attributes[row] { attributes.append(text, row: count) }
        appendColumns(
            id: other.ids[row], imageID: other.imageIDs[row], categoryID: other.categoryIDs[row],
            box: other.boxes[row], area: other.areas[row], flags: other.flags[row])
    }

    /// Adds everything but the segmentation, which the caller has added to its column.
    mutating func appendColumns(
        id: Int64, imageID: Int64, categoryID: Int64, box: BoundingBox?, area: Double?, flags: Flags
    ) {
        ids.append(id)
        imageIDs.append(imageID)
        categoryIDs.append(categoryID)
        boxes.append(box ?? BoundingBox(x: 0, y: 0, width: 0, height: 0))
        areas.append(area ?? 0)
        self.flags.append(flags)
    }

    /// Reserves room for the annotations of a file of `byteCount` bytes. A column that is moved as it grows is in
    /// memory twice; reserved room that is not touched costs nothing.
    package mutating func reserve(forFileOf byteCount: Int) {
        let rows = byteCount / 160
        ids.reserveCapacity(rows)
        imageIDs.reserveCapacity(rows)
        categoryIDs.reserveCapacity(rows)
        boxes.reserveCapacity(rows)
        areas.reserveCapacity(rows)
        flags.reserveCapacity(rows)
        segmentations.rows.reserveCapacity(rows)
        segmentations.ringEnds.reserveCapacity(rows)
        segmentations.coordinates.reserveCapacity(byteCount / 6)
        LargePages.advise(&segmentations.coordinates)
        LargePages.advise(&boxes)
    }
}
