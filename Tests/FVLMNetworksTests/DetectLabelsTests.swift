import COCO
import DatasetFormats
import FixtureSupport
import Foundation
import Imaging
import Support
import Testing

@testable import FVLMNetworks

/// `fvlm detect` in the formats of labeling tools.
@Suite struct DetectLabelsTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try SmallDetector.write(to: folder.file("model"))
        for number in 0..<4 {
            var image = try Image(width: 48, height: 32 + number, filledWith: .white)
            for x in 0..<30 {
                for y in 0..<20 {
                    image[x, y] = Color(red: UInt8(number * 50), green: UInt8(x * 8), blue: UInt8(y * 12))
                }
            }
            try image.write(to: folder.write("", "pictures/street \(number).png"))
        }
    }

    private func detect(_ more: String...) throws -> Program {
        try Program(
            [
                "detect", folder.file("pictures"), "--model", folder.file("model"), "--classes",
                "dog, cat & co",
                "--score-threshold", "0", "--set", "input.size=64", "--set", "scoring.limit=3", "--threads",
                "1",
            ] + more)
    }

    /// The boxes of the same run as COCO results, by the order of pictures.
    private func results() throws -> DetectionTable {
        let run = try detect("--format", "coco", "--results", folder.file("results.json"))
        #expect(run.status == 0, "\(run.errors)")
        return try DetectionTable(contentsOf: folder.file("results.json"))
    }

    private func read(_ name: String) throws -> Dataset {
        let reader = PictureReader(
            size: { path in
                let size = try ImageHeader(contentsOf: path).size
                return PictureSize(width: size.width, height: size.height)
            }, sizeOfBytes: { _ in PictureSize(width: 0, height: 0) })
        return try DatasetConversion.read(folder.file(name), FormatReadingOptions(reader: reader)).contents
            .dataset
    }

    /// - Parameter isClipped: Whether the format keeps only what lies inside the picture.
    private func check(
        _ data: Dataset, _ results: DetectionTable, tolerance: Double, isClipped: Bool = false
    ) {
        #expect(data.images.count == 4 && data.annotations.count == results.count)
        #expect(Set(data.categories.map(\.name)).isSubset(of: ["dog", "cat & co"]))
        let heights = Dictionary(uniqueKeysWithValues: zip(data.images.ids, data.images.heights))
        for row in 0..<min(data.annotations.count, results.count) {
            let (a, whole) = (data.annotations.boxes[row], results.boxes[row])
            let height = Double(heights[data.annotations.imageIDs[row]] ?? 0)
            let b = isClipped ? whole.clipped(to: (48, height)) : whole
            for path in [\BoundingBox.x, \.y, \.width, \.height] {
                #expect((a[keyPath: path] - b[keyPath: path]).magnitude <= tolerance)
            }
        }
    }

    @Test func cvatTakesBoxesAndMasks() throws {
        let results = try results()
        #expect(results.count > 0)
        let run = try detect("--format", "cvat", "--results", folder.file("boxes.xml"))
        #expect(run.status == 0 && run.errors.contains("scores have no place"), "\(run.errors)")
        check(try read("boxes.xml"), results, tolerance: 1e-6)
        let masks = try detect("--format", "cvat", "--masks", "--results", folder.file("masks.xml"))
        #expect(masks.status == 0, "\(masks.errors)")
        #expect(String(decoding: folder.bytes("masks.xml"), as: UTF8.self).contains("<mask "))
    }

    @Test func foldersOfLabelsAreWholeDataSetsAndGoOn() throws {
        let results = try results()
        for format in ["yolo", "voc"] {
            let run = try detect("--format", format, "--results", folder.file(format))
            #expect(run.status == 0, "\(run.errors)")
            check(try read(format), results, tolerance: 1e-5, isClipped: format == "yolo")
            let refused = try detect("--format", format, "--results", folder.file(format))
            #expect(refused.status != 0 && refused.errors.contains("--resume"))
            let label = format == "yolo" ? "labels/train/street 1.txt" : "Annotations/street 1.xml"
            let whole = folder.bytes("\(format)/\(label)")
            try FileManager.default.removeItem(atPath: folder.file("\(format)/\(label)"))
            let resumed = try detect("--format", format, "--results", folder.file(format), "--resume")
            #expect(resumed.status == 0 && resumed.errors.contains("3 of the 4"), "\(resumed.errors)")
            #expect(folder.bytes("\(format)/\(label)") == whole)
            let other = try detect(
                "--format", format, "--results", folder.file(format), "--resume", "--score-threshold", "0.9")
            #expect(other.status != 0 && other.errors.contains("thresholds"), "\(other.errors)")
        }
    }

    @Test func labelStudioTakesPredictionsWithScores() throws {
        let results = try results()
        let run = try detect("--format", "labelstudio", "--results", folder.file("tasks.json"))
        #expect(run.status == 0, "\(run.errors)")
        let tasks = try folder.bytes("tasks.json").withUnsafeBytes { try JSONValue(parsing: $0) }.array
        #expect(tasks.count == 4)
        #expect(try tasks[0]["data"]["image"].string.hasSuffix("pictures/street%200.png"))
        let found = try tasks.flatMap { try $0["predictions"].array[0]["result"].array }
        try #require(found.count == results.count)
        for (row, result) in found.enumerated() {
            let value = try result["value"]
            #expect((try result["score"].double - results.scores[row]).magnitude < 1e-6)
            let x = try value["x"].double * 48 / 100
            #expect((x - results.boxes[row].x).magnitude < 1e-6)
            #expect(["dog", "cat & co"].contains(try value["rectanglelabels"].strings[0]))
        }
    }

    /// A folder of labels is written by one run at a time; names are as long as they may be.
    @Test func foldersOfLabelsAreGuarded() throws {
        try folder.write("", "labels/x")
        try FileManager.default.removeItem(atPath: folder.file("labels/x"))
        let lock = try FolderLock(folder: folder.file("labels"))
        let second = try detect("--format", "yolo", "--results", folder.file("labels"))
        #expect(
            second.status == 1 && second.errors.contains("labels: is in use by another run"),
            "\(second.errors)")
        withExtendedLifetime(lock) {}
        for (name, number) in [("n", 251), ("d/n", 251)] {
            let long = String(repeating: "n", count: number - 1)
            try folder.write(folder.bytes("pictures/street 0.png"), "pictures/\(name)\(long).png")
        }
        for format in ["yolo", "voc"] {
            let run = try detect("--format", format, "--results", folder.file(format), "--recursive")
            #expect(run.status == 0, "\(run.errors)")
            let names = folder.namesOf(format == "yolo" ? "yolo/labels/train" : "voc/Annotations")
            #expect(names.count == 6 && names.allSatisfy { $0.utf8.count <= 255 })
            #expect(names.filter { $0.hasPrefix("nnn") && $0.contains("-2.") }.count == 1)
        }
    }

    @Test func foldersNeedAName() throws {
        let run = try detect("--format", "yolo")
        #expect(run.status == 64 && run.errors.contains("--results names the folder"))
    }
}
