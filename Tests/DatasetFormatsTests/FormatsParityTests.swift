import COCO
import DatasetFormats
import FixtureSupport
import Foundation
import Imaging
import Testing

/// Exports of labeling tools, read as the recorded COCO data set says.
@Suite struct FormatsParity {
    private static let names = (try? Fixtures.names("formats")) ?? []

    @Test func casesAreThere() throws { #expect(try Fixtures.names("formats").count > 0) }

    @Test(arguments: names) func exportsAreReadAsRecorded(name: String) throws {
        let fixture = try Fixtures.case("formats", name)
        for source in try Self.sources(fixture) {
            let options = FormatReadingOptions(
                reader: .imaging, classAttribute: try fixture.parameters.optional("class_attribute")?.string)
            let (form, contents) = try DatasetConversion.read(source, options)
            #expect(name.hasPrefix(form.rawValue), "\(name): \(source) is taken for \(form.rawValue)")
            try RecordedDataset(fixture, label: "\(name) \(URL(filePath: source).lastPathComponent)")
                .check(contents.dataset)
        }
    }

    /// The attribute of VIA's regions that is their class is found without being named.
    @Test func theClassOfRegionsIsFound() throws {
        for name in Self.names where name.hasPrefix("via") {
            let fixture = try Fixtures.case("formats", name)
            for source in try Self.sources(fixture) {
                let contents = try DatasetConversion.read(source, FormatReadingOptions(reader: .imaging))
                    .contents
                try RecordedDataset(fixture, label: name).check(contents.dataset)
            }
        }
    }

    /// What a case is read from: each of several files that say the same, one file, or the folder.
    private static func sources(_ fixture: FixtureCase) throws -> [String] {
        if let sources = try fixture.parameters.optional("sources") {
            return try sources.strings.map(fixture.path)
        }
        let files = try fixture.json["files"].object.keys.filter { name in
            !["/", "*", ","].contains { name.contains($0) }
        }
        return files.count == 1 ? [fixture.path(files[0])] : [fixture.folder.path]
    }
}

extension PictureReader {
    /// Sizes as this package's decoder finds them.
    static let imaging = PictureReader(
        size: { size(of: try ImageHeader(contentsOf: $0)) },
        sizeOfBytes: { bytes in try bytes.withUnsafeBytes { size(of: try ImageHeader(encoded: $0)) } })

    private static func size(of header: ImageHeader) -> PictureSize {
        PictureSize(width: header.size.width, height: header.size.height)
    }
}

/// The data set that a case records.
private struct RecordedDataset {
    private let recorded: JSONValue
    private let tolerance: Double
    private let label: String

    init(_ fixture: FixtureCase, label: String) throws {
        recorded = try fixture.expected["coco"]
        tolerance = try fixture.tolerance().abs
        self.label = label
    }

    func check(_ dataset: Dataset) throws {
        let categories = Dictionary(uniqueKeysWithValues: dataset.categories.map { ($0.id, $0.name) })
        let recordedCategories = try Dictionary(
            uniqueKeysWithValues: recorded["categories"].array.map {
                (try $0["id"].int, try $0["name"].string)
            })
        #expect(categories.values.sorted() == recordedCategories.values.sorted(), "\(label): categories")
        let images = Dictionary(
            (0..<dataset.images.count).map { (dataset.images[$0].fileName, dataset.images[$0]) },
            uniquingKeysWith: { first, _ in first })
        let recordedImages = try recorded["images"].array
        #expect(
            images.keys.sorted() == (try recordedImages.map { try $0["file_name"].string }.sorted()),
            "\(label): images")
        #expect(images.count == dataset.images.count)
        for image in recordedImages {
            guard let got = images[try image["file_name"].string] else { continue }
            let size = (try image["width"].int, try image["height"].int)
            #expect(got.width == size.0 && got.height == size.1, "\(label) \(got.fileName)")
            let id = try image["id"].int
            let wanted = try recorded["annotations"].array.filter { try $0["image_id"].int == id }
            let found = (0..<dataset.annotations.count).map { dataset.annotations[$0] }
                .filter { $0.imageID == got.id }
            try #require(found.count == wanted.count, "\(label) \(got.fileName): objects")
            for (place, (a, b)) in zip(found, wanted).enumerated() {
                let text = "\(label) \(got.fileName) object \(place)"
                #expect(
                    categories[a.categoryID] == recordedCategories[try b["category_id"].int], "\(text): class"
                )
                #expect(a.isCrowd == (try b["iscrowd"].int == 1), "\(text): iscrowd")
                try check(a, b, got, text)
                try checkAttributes(a, b, text)
            }
        }
    }

    private func check(_ a: AnnotationRecord, _ b: JSONValue, _ image: ImageRecord, _ text: String) throws {
        let isApproximate = try b.optional("approximate")?.bool ?? false
        let box = try #require(a.box, "\(text): box")
        let sides = try b["bbox"].doubles
        let allowed = isApproximate ? 1 : tolerance
        for (got, wanted) in zip(
            [box.x, box.y, box.x + box.width, box.y + box.height],
            [sides[0], sides[1], sides[0] + sides[2], sides[1] + sides[3]])
        { #expect((got - wanted).magnitude <= allowed, "\(text): box \(box), recorded \(sides)") }
        let area = try b["area"].double
        let got = try #require(a.area, "\(text): area")
        let most = isApproximate ? max(2, 0.03 * area) : max(2, 0.02 * area)
        #expect((got - area).magnitude <= most, "\(text): area \(got), recorded \(area)")
        let segmentation = try b["segmentation"]
        guard case .array(let rings) = segmentation else {
            let size = try segmentation["size"].ints
            let mask = try RunLengthMask(
                height: size[0], width: size[1], compressed: try segmentation["counts"].string)
            let own = try RunLengthMask(
                try #require(a.segmentation, "\(text)"), height: size[0], width: size[1])
            #expect(own == mask, "\(text): mask")
            return
        }
        guard !rings.isEmpty else {
            guard case .polygons(let own)? = a.segmentation else {
                #expect(a.segmentation == nil, "\(text): a box alone is recorded")
                return
            }
            #expect(own.count == 1 && own[0].count == 8, "\(text): a box alone is recorded")
            return
        }
        let wanted = try rings.map { try $0.doubles }
        let masks = try [a.segmentation ?? .polygons([]), .polygons(wanted)].map {
            try RunLengthMask($0, height: image.height, width: image.width)
        }
        if isApproximate {
            #expect(try masks[0].overlap(with: masks[1]) >= 0.95, "\(text): outline")
        } else if case .polygons(let own)? = a.segmentation {
            #expect(own.map(\.count) == wanted.map(\.count), "\(text): rings")
            for (x, y) in zip(own.joined(), wanted.joined()) {
                #expect((x - y).magnitude <= tolerance, "\(text): point \(x), recorded \(y)")
            }
        } else {
            #expect(masks[0] == masks[1], "\(text): outline")
        }
    }

    /// Attributes may be left out; those that are kept must be the recorded ones.
    private func checkAttributes(_ a: AnnotationRecord, _ b: JSONValue, _ text: String) throws {
        guard let own = a.attributes, let wanted = b.optional("attributes") else { return }
        let values = try Array(own.utf8).withUnsafeBytes { try JSONValue(parsing: $0) }.object
        for (name, value) in try wanted.object {
            #expect(values[name] == nil || values[name] == value, "\(text): attribute \(name)")
        }
    }
}
