import COCO
import Support

/// The formats in which data sets are kept, by the names that users type.
package enum FormatName: String, Sendable, CaseIterable {
    /// COCO's instances.
    case coco
    /// LVIS v1.
    case lvis
    /// Ultralytics' YOLO: `data.yaml` and a text file a picture.
    case yolo
    /// Pascal VOC: an XML file a picture.
    case voc
    /// Label Studio's JSON.
    case labelStudio = "labelstudio"
    /// CVAT for images 1.1.
    case cvat
    /// LabelMe: a JSON file a picture.
    case labelMe = "labelme"
    /// VGG Image Annotator 1 and 2: JSON or CSV.
    case via
    /// Open Images' tables.
    case openImages = "openimages"
    /// FiftyOne's data set on the disk.
    case fiftyOne = "fiftyone"
    /// Supervisely's project.
    case supervisely

    /// What people call it.
    package var title: String {
        switch self {
        case .coco: "COCO"
        case .lvis: "LVIS"
        case .yolo: "YOLO"
        case .voc: "Pascal VOC"
        case .labelStudio: "Label Studio"
        case .cvat: "CVAT for images"
        case .labelMe: "LabelMe"
        case .via: "VGG Image Annotator"
        case .openImages: "Open Images"
        case .fiftyOne: "FiftyOne"
        case .supervisely: "Supervisely"
        }
    }

    /// Whether it is a folder of files; else it is one file.
    package var isFolder: Bool {
        switch self {
        case .yolo, .voc, .labelMe, .openImages, .fiftyOne, .supervisely: true
        case .coco, .lvis, .labelStudio, .cvat, .via: false
        }
    }
}

/// A format in which data sets are kept: how it is known, read and written.
package protocol DatasetFormat: Sendable {
    /// Its name.
    static var name: FormatName { get }

    /// Whether `source` is of this format, as far as names and the beginning of its text tell.
    static func recognizes(_ source: FormatSource) -> Bool

    /// Reads a data set. Whatever has no place in ``Dataset`` is counted in the report.
    ///
    /// - Throws: `AnnotationFileError` with file and place of a fault; `COCOError`.
    static func read(_ source: FormatSource, _ options: FormatReadingOptions) throws -> FormatContents

    /// Writes a data set, whole or not at all.
    ///
    /// - Returns: what has no place in the format, counted.
    /// - Throws: `AnnotationFileError` or `FileFailure` when it cannot be written, `COCOError` for data that has no place
    ///   at all.
    static func write(
        _ dataset: Dataset, to path: String, _ options: FormatWritingOptions
    ) throws -> ConversionReport
}

/// What was read.
package struct FormatContents: Sendable {
    /// The data set.
    package var dataset: Dataset

    /// What was lost or looks wrong.
    package var report: ConversionReport

    /// Files that were read, apart from the source itself and what lies in its folder.
    package var files: [String]

    /// All of them; see the properties.
    package init(dataset: Dataset, report: ConversionReport, files: [String] = []) {
        self.dataset = dataset
        self.report = report
        self.files = files
    }
}

/// How sizes of pictures are read, by whoever can.
package struct PictureReader: Sendable {
    /// The size of the upright picture in a file.
    package var size: @Sendable (_ path: String) throws -> PictureSize

    /// The size of the upright picture in a file's bytes.
    package var sizeOfBytes: @Sendable (_ bytes: [UInt8]) throws -> PictureSize

    /// A reader; see the properties.
    package init(
        size: @escaping @Sendable (_ path: String) throws -> PictureSize,
        sizeOfBytes: @escaping @Sendable (_ bytes: [UInt8]) throws -> PictureSize
    ) {
        self.size = size
        self.sizeOfBytes = sizeOfBytes
    }
}

/// What reading needs to know beside the files.
package struct FormatReadingOptions: Sendable {
    /// The folder of the pictures; nil: where the format has it.
    package var pictures: String?

    /// Reads sizes that the format does not state.
    package var reader: PictureReader

    /// The part to read, in formats that have several: `train`, `val`, `test`.
    package var subset: String?

    /// VIA: the attribute that is the class; nil: the one that looks like it.
    package var classAttribute: String?

    /// Options; see the properties.
    package init(
        pictures: String? = nil, reader: PictureReader, subset: String? = nil, classAttribute: String? = nil
    ) {
        self.pictures = pictures
        self.reader = reader
        self.subset = subset
        self.classAttribute = classAttribute
    }
}

/// What writing needs to know beside the data set.
package struct FormatWritingOptions: Sendable {
    /// The folder of the pictures, which are linked in formats that hold them; nil: they are not.
    package var pictures: String?

    /// Whether outlines are written in formats that hold either boxes or outlines (YOLO, VOC, Open Images).
    package var keepsOutlines = false

    /// The part that the data set becomes, in formats that have several.
    package var subset = "train"

    /// Options; see the properties.
    package init(pictures: String? = nil, keepsOutlines: Bool = false, subset: String = "train") {
        self.pictures = pictures
        self.keepsOutlines = keepsOutlines
        self.subset = subset
    }
}
