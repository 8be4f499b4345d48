/// One image of an annotation file.
public struct ImageRecord: Sendable, Hashable {
    /// The id; any 64-bit integer, including 0 and negative ones.
    public var id: Int64

    /// The width in pixels; 0 if the file does not state it.
    public var width: Int

    /// The height in pixels; 0 if the file does not state it.
    public var height: Int

    /// The name of the picture's file; empty if the file does not state it (LVIS).
    public var fileName: String

    /// LVIS: the picture's address on COCO's server; empty if the file does not state it.
    public var cocoURL: String

    /// The id of the picture's license.
    public var license: Int64?

    /// LVIS: the categories known to be absent from the picture.
    public var negativeCategoryIDs: [Int64]?

    /// LVIS: the categories that are not exhaustively annotated.
    public var notExhaustiveCategoryIDs: [Int64]?

    /// Creates an image record.
    public init(
        id: Int64, width: Int, height: Int, fileName: String = "", cocoURL: String = "",
        license: Int64? = nil,
        negativeCategoryIDs: [Int64]? = nil, notExhaustiveCategoryIDs: [Int64]? = nil
    ) {
        self.id = id
        self.width = width
        self.height = height
        self.fileName = fileName
        self.cocoURL = cocoURL
        self.license = license
        self.negativeCategoryIDs = negativeCategoryIDs
        self.notExhaustiveCategoryIDs = notExhaustiveCategoryIDs
    }

    /// The path of the picture relative to the folder of images; empty if the file names none: ``fileName`` without
    /// empty and `.` components and with Windows separators as `/`; for LVIS, the last two components of ``cocoURL``
    /// (`val2017/000000397133.jpg`).
    public var path: String {
        guard !fileName.isEmpty else {
            return cocoURL.split(separator: "/").suffix(2).joined(separator: "/")
        }
        // A name without a separator, as nearly all are, is used unchanged.
        guard fileName.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") }) else {
            return fileName
        }
        let name = fileName.contains("/") ? fileName : fileName.replacing("\\", with: "/")
        return (name.hasPrefix("/") ? "/" : "")
            + name.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    }
}

/// The images of an annotation file as columns.
public struct ImageTable: Sendable {
    /// The ids, in the file's order.
    public private(set) var ids: [Int64] = []

    /// The widths in pixels, 0 where not stated.
    public private(set) var widths: [Int32] = []

    /// The heights in pixels, 0 where not stated.
    public private(set) var heights: [Int32] = []

    /// The names of the files, empty where not stated.
    package private(set) var fileNames = StringColumn()

    /// LVIS: addresses of the pictures, empty where not stated.
    package private(set) var cocoURLs = StringColumn()

    /// Ids of the licenses.
    public private(set) var licenses: [Int64?] = []

    /// LVIS: the categories known to be absent.
    package private(set) var negativeCategoryIDs = IDListColumn()

    /// LVIS: the categories that are not exhaustively annotated.
    package private(set) var notExhaustiveCategoryIDs = IDListColumn()

    /// Creates an empty table.
    public init() {}

    /// The number of images.
    public var count: Int { ids.count }

    /// The image in a row.
    public subscript(row: Int) -> ImageRecord {
        ImageRecord(
            id: ids[row], width: Int(widths[row]), height: Int(heights[row]), fileName: fileNames[row],
            cocoURL: cocoURLs[row], license: licenses[row],
            negativeCategoryIDs: negativeCategoryIDs[row],
            notExhaustiveCategoryIDs: notExhaustiveCategoryIDs[row])
    }

    /// Adds an image. The size is clamped to 32 bits.
    public mutating func append(_ image: ImageRecord) {
        ids.append(image.id)
        widths.append(Int32(clamping: image.width))
        heights.append(Int32(clamping: image.height))
        fileNames.append(image.fileName)
        cocoURLs.append(image.cocoURL)
        licenses.append(image.license)
        negativeCategoryIDs.append(image.negativeCategoryIDs)
        notExhaustiveCategoryIDs.append(image.notExhaustiveCategoryIDs)
    }
}
