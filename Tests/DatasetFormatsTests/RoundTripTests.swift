import COCO
import DatasetFormats
import FixtureSupport
import Foundation
import Testing

/// A data set written in each format and read back: what is kept, and that what is lost is counted.
@Suite struct RoundTripTests {
    private static let size = (width: 60, height: 40)

    /// A square ring of pixels.
    private static func ring() throws -> RunLengthMask {
        var pixels = [UInt8](repeating: 0, count: size.width * size.height)
        for row in 5..<20 {
            for column in 8..<30 where !(10..<15).contains(row) || !(12..<20).contains(column) {
                pixels[row * size.width + column] = 1
            }
        }
        return try RunLengthMask(height: size.height, width: size.width, pixels: pixels)
    }

    private static let parts: [[Double]] = [
        [2, 2, 12.5, 3, 8, 11.25], [30, 20, 41, 20, 41, 31.5, 30, 31.5],
    ]

    private func dataset() throws -> Dataset {
        var data = Dataset()
        let mask = try Self.ring()
        for (place, name) in ["Street/0001.jpg", "ü & <b> \"c\".jpg", "empty.jpg"].enumerated() {
            data.images.append(
                ImageRecord(
                    id: Int64(place * 7), width: Self.size.width, height: Self.size.height, fileName: name))
        }
        data.categories = [
            Category(id: 3, name: "car"), Category(id: 0, name: "Straße, \"wet\" & dry"),
            Category(id: 9, name: "unused"),
        ]
        let square = BoundingBox(x: 1.5, y: 2.25, width: 20, height: 10.5)
        data.annotations.append(
            AnnotationRecord(
                id: 1, imageID: 0, categoryID: 3, box: square, area: square.area,
                attributes: #"{"occluded": true, "note": "a < b"}"#))
        data.annotations.append(
            AnnotationRecord(
                id: 2, imageID: 7, categoryID: 0, box: BoundingBox(x: 30, y: 20, width: 11, height: 11.5),
                area: 126.5, segmentation: .polygons([Self.parts[1]])))
        data.annotations.append(
            AnnotationRecord(
                id: 3, imageID: 0, categoryID: 0, box: BoundingBox(x: 2, y: 2, width: 39, height: 29.5),
                area: 170,
                segmentation: .polygons(Self.parts)))
        data.annotations.append(
            AnnotationRecord(
                id: 4, imageID: 7, categoryID: 3, box: mask.box, area: Double(mask.area),
                segmentation: .compressedRunLengths(
                    height: mask.height, width: mask.width, counts: mask.compressed)))
        data.annotations.append(
            AnnotationRecord(
                id: 5, imageID: 7, categoryID: 3, box: BoundingBox(x: 40, y: 1, width: 9, height: 8),
                area: 72,
                isCrowd: true))
        return data
    }

    /// What a format keeps.
    struct Form: Sendable, CustomTestStringConvertible {
        enum Outlines: Sendable {
            /// Points as they are; masks to the pixel.
            case exact
            /// All to the pixel.
            case pixels
            /// Rings of a mask, of several parts an object each.
            case parts
            case none
        }

        let name: FormatName
        var outlines = Outlines.exact
        var keepsOutlines = true
        var keepsCrowds = true
        var keepsEmptyImages = true
        var keepsUnused = true
        var keepsFolders = true
        /// Words that the report must have.
        var losses: [String] = []

        var testDescription: String { name.rawValue + (keepsOutlines ? "" : ", boxes") }
    }

    private static let forms: [Form] = [
        Form(name: .coco), Form(name: .lvis, losses: ["crowds"]), Form(name: .cvat),
        Form(name: .voc, outlines: .pixels, keepsUnused: false),
        Form(
            name: .voc, outlines: .none, keepsOutlines: false, keepsUnused: false,
            losses: ["outlines and masks are dropped"]),
        Form(
            name: .labelMe, keepsCrowds: false, keepsUnused: false,
            losses: ["crowds", "categories have no objects"]),
        Form(
            name: .labelStudio, outlines: .pixels, keepsCrowds: false, keepsUnused: false,
            keepsFolders: false,
            losses: ["crowds", "several parts become brushes", "attributes"]),
        Form(
            name: .via, outlines: .parts, keepsCrowds: false, keepsUnused: false,
            losses: ["crowds", "a region a part", "polygons around their pixels"]),
        Form(
            name: .openImages, outlines: .pixels, keepsEmptyImages: false, keepsUnused: false,
            keepsFolders: false,
            losses: ["masks of pixels", "images have no boxes", "without folder", "attributes"]),
        Form(name: .fiftyOne, outlines: .pixels, keepsUnused: false, losses: ["masks of pixels"]),
        Form(name: .supervisely),
        Form(
            name: .yolo, outlines: .none, keepsOutlines: false, keepsCrowds: false,
            losses: ["crowds", "boxes are requested"]),
    ]

    @Test(arguments: forms) func whatAFormKeepsComesBack(form: Form) throws {
        let data = try dataset()
        let folder = try TemporaryFolder()
        // Pictures that only have a size.
        let pictures = folder.file("pictures")
        for row in 0..<data.images.count { try folder.write("x", "pictures/\(data.images[row].fileName)") }
        let reader = PictureReader(
            size: { _ in PictureSize(width: Self.size.width, height: Self.size.height) },
            sizeOfBytes: { _ in PictureSize(width: 0, height: 0) })
        let path = folder.file(form.name.isFolder ? "out" : "out.\(form.name == .cvat ? "xml" : "json")")
        let report = try DatasetConversion.write(
            data, to: path, as: form.name,
            FormatWritingOptions(pictures: pictures, keepsOutlines: form.keepsOutlines))
        for words in form.losses {
            #expect(report.entries.contains { $0.text.contains(words) }, "\(words): \(report.entries)")
        }
        let reading = FormatReadingOptions(
            pictures: form.name.isFolder ? nil : pictures, reader: reader, subset: nil)
        let (found, contents) = try DatasetConversion.read(path, reading)
        #expect(found == form.name)
        try check(contents.dataset, data, form)
    }

    /// Names at file systems' limit, which files beside them with longer endings would exceed; what is cut stays apart.
    @Test("A19: long names", arguments: [FormatName.voc, .labelMe, .openImages, .supervisely, .yolo])
    func longNames(form: FormatName) throws {
        let folder = try TemporaryFolder()
        var data = Dataset()
        data.categories = [Category(id: 1, name: "a")]
        let names = ["1", "2"].map { String(repeating: "ä", count: 125) + $0 + ".jpg" }
        for (row, name) in names.enumerated() {
            let id = Int64(row + 1)
            data.images.append(ImageRecord(id: id, width: 60, height: 40, fileName: name))
            data.annotations.append(
                AnnotationRecord(
                    id: id, imageID: id, categoryID: 1, box: BoundingBox(x: 1, y: 1, width: 8, height: 8),
                    area: 64, segmentation: form == .openImages ? .polygons([[1, 1, 9, 1, 9, 9]]) : nil))
            try folder.write("x", "pictures/\(name)")
        }
        let size = PictureSize(width: 60, height: 40)
        let reader = PictureReader(size: { _ in size }, sizeOfBytes: { _ in size })
        _ = try DatasetConversion.write(
            data, to: folder.file("out"), as: form, FormatWritingOptions(pictures: folder.file("pictures")))
        let back = try DatasetConversion.read(
            folder.file("out"), FormatReadingOptions(reader: reader)
        ).contents.dataset
        #expect(back.images.count == 2 && back.annotations.count == 2)
        #expect(back.images[0].fileName != back.images[1].fileName)
    }

    private func check(_ got: Dataset, _ data: Dataset, _ form: Form) throws {
        let names = Set(got.categories.map(\.name))
        #expect(names == Set(data.categories.filter { form.keepsUnused || $0.name != "unused" }.map(\.name)))
        #expect(got.images.count == (form.keepsEmptyImages ? 3 : 2))
        var images: [Int64: ImageRecord] = [:]
        for row in 0..<got.images.count { images[got.images[row].id] = got.images[row] }
        #expect(images.values.allSatisfy { $0.width == Self.size.width && $0.height == Self.size.height })
        let wanted: [String] =
            switch form.name {
            case .openImages: ["Street_0001.jpg", "ü & <b> \"c\".jpg"]
            case .supervisely: ["Street/img/0001.jpg", "train/img/ü & <b> \"c\".jpg"]
            default: [form.keepsFolders ? "Street/0001.jpg" : "0001.jpg", "ü & <b> \"c\".jpg"]
            }
        for name in wanted {
            #expect(images.values.contains { $0.path == name }, "\(images.values.map(\.path))")
        }
        let label = { (id: Int64, data: Dataset) in data.categories.first { $0.id == id }?.name ?? "" }
        let all = (0..<got.annotations.count).map { got.annotations[$0] }
        // By image and class, so that an order of its own does no harm.
        for row in 0..<data.annotations.count {
            let object = data.annotations[row]
            if form.name == .yolo, object.isCrowd { continue }
            let isSplit = form.outlines == .parts && (object.id == 3)
            let box = try #require(object.box)
            let match = all.first { other in
                guard let own = other.box, label(other.categoryID, got) == label(object.categoryID, data)
                else {
                    return false
                }
                let expected = isSplit ? BoundingBox(x: 2, y: 2, width: 10.5, height: 9.25) : box
                return [
                    own.x - expected.x, own.y - expected.y, own.width - expected.width,
                    own.height - expected.height,
                ].allSatisfy { $0.magnitude < (form.outlines == .pixels ? 1.01 : 1e-4) }
            }
            let found = try #require(match, "object \(object.id)")
            #expect(found.isCrowd == (form.keepsCrowds && object.isCrowd))
            guard !isSplit else { continue }
            try checkOutline(found, object, form)
        }
    }

    private func checkOutline(_ found: AnnotationRecord, _ object: AnnotationRecord, _ form: Form) throws {
        guard let outline = object.segmentation, form.outlines != .none else {
            #expect(found.segmentation == nil)
            return
        }
        if case .polygons(let rings) = outline, form.outlines == .exact {
            guard case .polygons(let own)? = found.segmentation else {
                Issue.record("object \(object.id): no polygons")
                return
            }
            #expect(own.map(\.count) == rings.map(\.count))
            #expect(zip(own.joined(), rings.joined()).allSatisfy { ($0 - $1).magnitude < 1e-6 })
            return
        }
        let masks = try [try #require(found.segmentation), outline].map {
            try RunLengthMask($0, height: Self.size.height, width: Self.size.width)
        }
        // A pixel of VOC's pictures belongs to one object, and a mask is cut off at its box.
        let least = form.name == .fiftyOne || form.name == .voc || form.name == .via ? 0.9 : 1
        #expect(try masks[0].overlap(with: masks[1]) >= least, "object \(object.id)")
    }

    @Test func attributesComeBack() throws {
        let folder = try TemporaryFolder()
        let options = FormatReadingOptions(reader: .imaging)
        for (form, name) in [
            (FormatName.coco, "a.json"), (.cvat, "a.xml"), (.coco, "b.json"), (.supervisely, "a"),
        ] {
            let data =
                name == "b.json"
                ? try DatasetConversion.read(folder.file("a.xml"), options).contents.dataset : try dataset()
            _ = try DatasetConversion.write(data, to: folder.file(name), as: form, FormatWritingOptions())
            let back = try DatasetConversion.read(folder.file(name), options).contents.dataset
            let object = (0..<back.annotations.count).map { back.annotations[$0] }
                .first { $0.attributes?.contains("note") == true }
            #expect(object?.attributes == #"{"occluded": true, "note": "a < b"}"#)
        }
    }

    @Test func anEmptyDataSetIsReadAndWrittenInEveryForm() throws {
        for form in FormatName.allCases where ![.labelMe, .voc, .yolo, .openImages, .via].contains(form) {
            let folder = try TemporaryFolder()
            let path = folder.file(form.isFolder ? "out" : form == .cvat ? "out.xml" : "out.json")
            _ = try DatasetConversion.write(Dataset(), to: path, as: form, FormatWritingOptions())
            let options = FormatReadingOptions(reader: .imaging)
            let back = try DatasetConversion.read(path, as: form, options).contents.dataset
            #expect(back.images.count == 0 && back.annotations.count == 0)
        }
    }
}
