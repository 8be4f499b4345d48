import COCO
import FixtureSupport
import Foundation
import Testing

/// One faulty annotation costs that annotation, or its mask, where a file is read tolerantly.
@Suite struct TolerantReadingTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func file(_ annotations: [String]) throws -> String {
        try folder.write(
            """
            {"images": [{"id": 7, "width": 40, "height": 30, "file_name": "a.jpg"}], "categories": [{"id": 1, "name": "dog"}],
            "annotations": [
            \(annotations.joined(separator: ",\n"))
            ]}
            """, "a.json")
    }

    private static let good =
        #"{"id": 1, "image_id": 7, "category_id": 1, "bbox": [1, 2, 10, 8], "segmentation": [[1, 2, 11, 2, 11, 10]]}"#
    private static let head = #"{"id": 2, "image_id": 7, "category_id": 1, "#

    /// What is wrong with the second of three annotations, what is lost, and the reason.
    static let faults: [(String, RecordFault.Loss, String)] = [
        (
            #""bbox": [0, 0, 4, 4], "segmentation": [[1, 2, 3, 4, 5, 6, 7]]}"#, .unpairedNumber,
            "a polygon of 7 numbers"
        ),
        (#""segmentation": [[1, 2, 3]], "bbox": [0, 0, 4, 4]}"#, .unpairedNumber, "a polygon of 3 numbers"),
        (#""bbox": [0, 0, 4, 4], "segmentation": [1, 2, 3, 4, 5, 6]}"#, .segmentation, "a polygon"),
        (#""segmentation": "polygon", "bbox": [0, 0, 4, 4]}"#, .segmentation, "polygons (a list of lists)"),
        (
            #""bbox": [0, 0, 4, 4], "segmentation": [[1, 2, "3", 4, 5, 6]]}"#, .segmentation,
            "a number is needed"
        ),
        (
            #""bbox": [0, 0, 4, 4], "segmentation": [[[1, 2], [3, 4], [5, 6]]]}"#, .segmentation,
            "a number is needed"
        ),
        (
            #""bbox": [0, 0, 4, 4], "segmentation": [[1, 2, 3, 4, 5, 6], {"x": 1}]}"#, .segmentation,
            "a polygon"
        ),
        (#""bbox": [0, 0, 4, 4], "segmentation": [[1, 2, NaN, 4, 5, 6]]}"#, .segmentation, "NaN"),
        (
            #""bbox": [0, 0, 4, 4], "segmentation": {"counts": [1, -2]}}"#, .segmentation,
            "-2 is not a run length"
        ),
        (
            #""bbox": [0, 0, 4, 4], "segmentation": {"size": 3, "counts": "x"}}"#, .segmentation,
            "a list is needed"
        ),
        (#""bbox": [0, 0, 4]}"#, .annotation, "4 numbers"),
        (#""bbox": "0 0 4 4"}"#, .annotation, "a list is needed"),
        (#""bbox": [0, 0, null, 4]}"#, .annotation, "a number is needed"),
        (#""segmentation": [[1, 2, 3]], "area": "12"}"#, .annotation, "a number is needed"),
        (#""segmentation": [[1, 2, 3, 4, 5, 6]], "bbox": {"x": 1}}"#, .annotation, "a list is needed"),
        (#""iscrowd": 2}"#, .annotation, "0 or 1 is needed"),
        (#""iscrowd": 0, "iscrowd": 0}"#, .annotation, "occurs twice"),
    ]

    @Test(arguments: faults.indices) func aFaultCostsItsRecord(_ index: Int) throws {
        let (text, loss, reason) = Self.faults[index]
        let last = Self.good.replacing(#""id": 1"#, with: #""id": 3"#)
        let path = try file([Self.good, Self.head + text, last])
        let dataset = try Dataset(tolerating: path)
        let fault = try #require(dataset.faults.first)
        #expect(dataset.faults.count == 1 && fault.loss == loss && fault.row == 1, "\(dataset.faults)")
        #expect(fault.id == 2 && fault.imageID == 7)
        #expect(fault.error.line == 4 && fault.error.object.hasPrefix("annotation 2"), "\(fault.error)")
        #expect(fault.error.reason.contains(reason), "\(fault.error)")
        #expect(dataset.annotations.ids == (loss == .annotation ? [1, 3] : [1, 2, 3]))
        // What lies around it is whole.
        for row in [0, dataset.annotations.count - 1] {
            #expect(dataset.annotations[row].segmentation == .polygons([[1, 2, 11, 2, 11, 10]]))
        }
        if loss == .segmentation { #expect(dataset.annotations[1].segmentation == nil) }
        // Strictly, as ever, the file is refused.
        #expect(throws: AnnotationFileError.self) { try Dataset(contentsOf: path) }
    }

    @Test func aRecordOfAnotherKind() throws {
        let dataset = try Dataset(tolerating: file([Self.good, "5", #"{"image_id": 7}"#, "null"]))
        #expect(
            dataset.annotations.ids == [1]
                && dataset.faults.map(\.loss) == [.annotation, .annotation, .annotation])
        #expect(
            dataset.faults.map(\.imageID) == [nil, 7, nil] && dataset.faults.map(\.error.line) == [4, 5, 6])
    }

    /// What is no JSON has no records.
    @Test(arguments: [
        #"{"id": 2, "segmentation": [[1, 2,, 3]]}"#, #"{"id": 2, "bbox": [1, 2, 3, 04]}"#, #"{"id": 2"#,
    ]) func brokenTextIsAnError(_ text: String) throws {
        let path = try file([Self.good, text])
        let error = #expect(throws: AnnotationFileError.self) { try Dataset(tolerating: path) }
        #expect(error?.line == 4 || text.hasSuffix("2"), "\(String(describing: error))")
    }

    @Test func checksListWhatCannotBeRead() throws {
        let odd = Self.head + #""bbox": [1, 1, 8, 8], "area": 40, "segmentation": [[1,1,9,1,9,9,5]]}"#
        let path = try file([
            odd,
            Self.head.replacing("2", with: "3")
                + #""segmentation": [4, 5], "bbox": [1, 1, 8, 8], "area": 40}"#,
            Self.head.replacing("2", with: "4") + #""bbox": 3}"#,
        ])
        let findings = try DatasetCheck().findings(in: Dataset(examining: path))
        let errors = Dictionary(
            uniqueKeysWithValues: findings.filter { $0.severity == .error }.map { ($0.code, $0.ids) })
        #expect(
            errors == [
                .polygonOddCount: [2], .segmentationUnreadable: [3], .annotationUnreadable: [4],
            ])
        let example = findings.first { $0.code == .segmentationUnreadable }?.examples.first ?? ""
        #expect(example.hasPrefix("annotation 3, field \"segmentation\" on line 4: a polygon"), "\(example)")
    }
}
