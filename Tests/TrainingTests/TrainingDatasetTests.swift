import COCO
import FVLM
import FixtureSupport
import Foundation
import Imaging
import RegionDetection
import Support
import Testing
import Torch

@testable import Training

/// Annotated pictures on the disk become examples whose boxes and masks lie on what they show.
@Suite struct TrainingDatasetTests {
    private static let width = 96
    private static let height = 64

    /// An ellipse on black, as a picture, as a polygon and as run lengths.
    private struct Ellipse {
        var (x, y, a, b): (Double, Double, Double, Double)

        func contains(_ column: Double, _ row: Double) -> Bool {
            pow((column - x) / a, 2) + pow((row - y) / b, 2) <= 1
        }

        var box: BoundingBox { .init(x: x - a, y: y - b, width: 2 * a, height: 2 * b) }

        var polygon: Segmentation {
            .polygons([
                (0..<90).flatMap { step in
                    let angle = Double(step) * 4 / 180 * Double.pi
                    return [x + a * cos(angle), y + b * sin(angle)]
                }
            ])
        }

        var pixels: [UInt8] {
            (0..<height * width).map {
                contains(Double($0 % width) + 0.5, Double($0 / width) + 0.5) ? 1 : 0
            }
        }
    }

    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static let ellipses = [
        Ellipse(x: 30, y: 24, a: 18, b: 12), Ellipse(x: 70, y: 44, a: 14, b: 16),
    ]

    private static let colors = [
        Color(red: 255, green: 0, blue: 0), Color(red: 0, green: 255, blue: 0),
    ]

    /// One picture of two ellipses; the first as a polygon or both as run lengths, compressed or not.
    private func dataset(_ kind: Int) throws -> Dataset {
        var image = try Image(width: Self.width, height: Self.height)
        var dataset = Dataset()
        dataset.categories = [Category(id: 5, name: "red"), Category(id: 9, name: "green")]
        dataset.images.append(
            ImageRecord(id: 42, width: Self.width, height: Self.height, fileName: "a.png"))
        for (number, ellipse) in Self.ellipses.enumerated() {
            for (place, pixel) in ellipse.pixels.enumerated() where pixel == 1 {
                image[place % Self.width, place / Self.width] = Self.colors[number]
            }
            let runs = try RunLengthMask(height: Self.height, width: Self.width, pixels: ellipse.pixels)
            let segmentation: Segmentation =
                switch kind {
                case 0: ellipse.polygon
                case 1: .runLengths(height: Self.height, width: Self.width, counts: runs.counts)
                default:
                    .compressedRunLengths(
                        height: Self.height, width: Self.width, counts: runs.compressed)
                }
            dataset.annotations.append(
                AnnotationRecord(
                    id: Int64(number), imageID: 42, categoryID: [5, 9][number], box: ellipse.box,
                    segmentation: segmentation))
        }
        try image.write(to: folder.file("a.png"))
        return dataset
    }

    /// The pixels of a color in an example without normalization, and of its mask.
    private func shown(_ example: TrainingExample, channel: Int) throws -> [Bool] {
        let values = try example.pixels[channel].array(of: Float.self)
        return values.map { $0 > 0.5 }
    }

    private func filled(_ mask: InstanceMask, _ size: [Int]) throws -> [Bool] {
        switch mask {
        case .none: return Array(repeating: false, count: size[0] * size[1])
        case .bitmap(let tensor):
            #expect(tensor.shape == size)
            return try tensor.array(of: UInt8.self).map { $0 != 0 }
        case .polygons(let rings):
            return try RunLengthMask(height: size[0], width: size[1], polygons: rings).pixels().map {
                $0 != 0
            }
        }
    }

    private static let plain = PixelNormalization(mean: [0, 0, 0], standardDeviation: [1, 1, 1])

    /// The origin's defect 1: boxes and masks that stay behind when the picture is resized and cropped.
    @Test(arguments: [0, 1, 2]) func boxesAndMasksFollowThePixels(_ kind: Int) throws {
        let augmentations = [
            Augmentation(flipProbability: 0.5),
            Augmentation(
                resizing: .largeScaleJitter(side: 96, minimumScale: 0.5, maximumScale: 2),
                flipProbability: 0.5),
            Augmentation(
                resizing: .shortestSide(choices: [48, 64, 120], longestSide: 160), flipProbability: 0.5),
            Augmentation(resizing: .square(side: 80), flipProbability: 0.5),
        ]
        let annotations = try dataset(kind)
        var (seen, cut) = (0, 0)
        for (number, augmentation) in augmentations.enumerated() {
            let dataset = try TrainingDataset(
                annotations, imagesIn: folder.path, augmentation: augmentation, normalization: Self.plain,
                options: .init(minimumBoxSide: 4))
            for seed in 0..<12 {
                var random = RandomStream(UInt64(number), UInt64(seed))
                let example = try dataset.example(at: 0, random: &random)
                let size = Array(example.pixels.shape.dropFirst())
                let boxes = try example.boxes.tensor.array(of: Float.self).map(Double.init)
                for (place, label) in example.classes.enumerated() {
                    let pixels = try shown(example, channel: label)
                    let columns = pixels.indices.filter { pixels[$0] }.map { $0 % size[1] }
                    let rows = pixels.indices.filter { pixels[$0] }.map { $0 / size[1] }
                    let box = Array(boxes[4 * place..<4 * place + 4])
                    let extent = [
                        columns.min() ?? -9, rows.min() ?? -9, (columns.max() ?? -9) + 1,
                        (rows.max() ?? -9) + 1,
                    ].map(Double.init)
                    // Half a source pixel from drawing the ellipse, scaled by up to 3, and rounding.
                    for (a, b) in zip(box, extent) { #expect(abs(a - b) <= 2.5, "\(box) \(extent)") }
                    let mask = try filled(example.masks[place], size)
                    let both = zip(mask, pixels).count { $0 && $1 }
                    let either = zip(mask, pixels).count { $0 || $1 }
                    #expect(Double(both) >= 0.8 * Double(either), "\(both) of \(either)")
                    seen += 1
                    if box[0] == 0 || box[1] == 0 || box[2] == Double(size[1]) || box[3] == Double(size[0]) {
                        cut += 1
                    }
                }
            }
        }
        #expect(seen > 70 && cut > 3)
    }

    @Test func classesAreThoseThatAreTrainedOn() throws {
        let annotations = try dataset(0)
        let dataset = try TrainingDataset(
            annotations, imagesIn: folder.path, options: .init(classes: .excluding(["red"])))
        #expect(dataset.classNames == ["green"] && dataset.categoryIDs == [9])
        #expect(dataset.summary.removedAnnotations == 1 && dataset.summary.objects == 1)
        var random = RandomStream(1)
        #expect(try dataset.example(at: 0, random: &random).classes == [0])
        let other = try TrainingDataset(annotations, imagesIn: folder.path)
        #expect(other.fingerprint != dataset.fingerprint)
        #expect(try TrainingDataset(self.dataset(1), imagesIn: "elsewhere").fingerprint == other.fingerprint)
    }

    /// The origin's defect 6: crowds as objects, a crash on images without objects.
    @Test func imagesWithoutObjectsByOption() throws {
        var annotations = try dataset(0)
        annotations.images.append(ImageRecord(id: 43, width: 96, height: 64, fileName: "a.png"))
        annotations.images.append(ImageRecord(id: 44, width: 96, height: 64, fileName: "a.png"))
        annotations.annotations.append(
            AnnotationRecord(
                id: 50, imageID: 44, categoryID: 5, box: .init(x: 10, y: 10, width: 30, height: 20),
                isCrowd: true
            ))
        let all = try TrainingDataset(annotations, imagesIn: folder.path)
        #expect(all.count == 3 && all.summary.crowds == 1)
        var random = RandomStream(1)
        let empty = try all.example(at: 1, random: &random)
        #expect(empty.boxes.count == 0 && empty.boxes.tensor.shape == [0, 4] && empty.masks.isEmpty)
        let crowd = try all.example(at: 2, random: &random)
        #expect(crowd.boxes.count == 0)
        #expect(try crowd.crowd.tensor.array(of: Float.self) == [10, 10, 40, 30])
        let some = try TrainingDataset(
            annotations, imagesIn: folder.path, options: .init(keepsImagesWithoutObjects: false))
        #expect(some.count == 1 && some.summary.droppedImages == 2 && some.imageID(at: 0) == 42)
    }

    @Test func remainsThatAreTooSmallGo() throws {
        let annotations = try dataset(0)
        func counts(_ options: TrainingDataset.Options) throws -> [Int] {
            let dataset = try TrainingDataset(annotations, imagesIn: folder.path, options: options)
            // The left 40 columns: 82 % of the first ellipse's box, nothing of the second.
            let crop = try SpatialTransform.crop(
                ImageSize(width: 96, height: 64), x: 0, y: 0, width: 40, height: 64)
            let pixels = try Tensor.zeros([3, 64, 40])
            return [try dataset.example(at: 0, transform: crop, pixels: pixels).boxes.count]
        }
        #expect(try counts(.init()) == [1])
        #expect(try counts(.init(minimumBoxSide: 25)) == [0])
        #expect(try counts(.init(minimumVisibleShare: 0.7)) == [1])
        #expect(try counts(.init(minimumVisibleShare: 0.9)) == [0])
    }

    /// The origin's defect 6: objects left out of the masks but not of the boxes. They are left out as a whole and counted.
    @Test func objectsWithoutExtentAreCounted() throws {
        var annotations = try dataset(0)
        annotations.annotations.append(
            AnnotationRecord(id: 60, imageID: 42, categoryID: 5, box: .init(x: 3, y: 3, width: 0, height: 9)))
        annotations.annotations.append(AnnotationRecord(id: 61, imageID: 42, categoryID: 5))
        let dataset = try TrainingDataset(annotations, imagesIn: folder.path)
        #expect(dataset.summary.degenerateObjects == 2 && dataset.summary.objects == 2)
    }

    // MARK: Faults

    private func firstExample(_ annotations: Dataset) -> String {
        message {
            var random = RandomStream(1)
            _ = try TrainingDataset(annotations, imagesIn: folder.path).example(at: 0, random: &random)
        }
    }

    @Test func anotherSizeThanAnnotatedNamesBoth() throws {
        let annotations = try dataset(0)
        try Image(width: 64, height: 96).write(to: folder.file("a.png"))
        let text = firstExample(annotations)
        #expect(text.contains("image 42") && text.contains("64 x 96") && text.contains("96 x 64"))
        #expect(!text.contains("EXIF orientation is applied"))
    }

    /// A JPEG file whose EXIF data tell to turn it a quarter.
    private func turnedJPEG(_ image: Image) throws -> [UInt8] {
        let jpeg = try image.encoded(as: .jpeg(quality: 90))
        let orientation: [UInt8] = [
            0x4D, 0x4D, 0, 0x2A, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0,
        ]
        let content = Array("Exif".utf8) + [0, 0] + orientation
        let segment = [0xFF, 0xE1, 0, UInt8(content.count + 2)] + content
        return jpeg.prefix(2) + segment + jpeg.dropFirst(2)
    }

    @Test func annotationsOfThePictureAsStoredNameTheOrientation() throws {
        var annotations = try dataset(0)
        annotations.images = ImageTable()
        annotations.images.append(ImageRecord(id: 42, width: 96, height: 64, fileName: "a.jpg"))
        let bytes = try turnedJPEG(Image(width: 96, height: 64))
        try Data(bytes).write(to: URL(filePath: folder.file("a.jpg")))
        let text = firstExample(annotations)
        #expect(
            text.contains("64 x 96") && text.contains("96 x 64")
                && text.contains("EXIF orientation is applied"))
        // Annotated upright it is taken.
        annotations.images = ImageTable()
        annotations.images.append(ImageRecord(id: 42, width: 64, height: 96, fileName: "a.jpg"))
        #expect(firstExample(annotations) == "")
    }

    @Test func aMissingPictureIsNamed() throws {
        let annotations = try dataset(0)
        try FileManager.default.removeItem(atPath: folder.file("a.png"))
        #expect(firstExample(annotations).contains("a.png"))
    }

    @Test func brokenOutlinesAreNamed() throws {
        for segmentation: Segmentation in [
            .polygons([[1, 2, 3, 4]]), .polygons([[1, 2, 3, 4, 5, .nan]]),
            .runLengths(height: 64, width: 96, counts: [1, 2]), .runLengths(height: 2, width: 2, counts: [4]),
        ] {
            var annotations = Dataset()
            annotations.images = try dataset(0).images
            annotations.categories = try dataset(0).categories
            annotations.annotations.append(
                AnnotationRecord(
                    id: 7, imageID: 42, categoryID: 5, box: .init(x: 1, y: 1, width: 9, height: 9),
                    segmentation: segmentation))
            #expect(firstExample(annotations).hasPrefix("annotation 7 of image 42"))
        }
    }

    @Test func referencesThatLeadNowhereAreNamed() throws {
        func text(_ change: (inout Dataset) -> Void) throws -> String {
            var annotations = try dataset(0)
            change(&annotations)
            return message { _ = try TrainingDataset(annotations, imagesIn: folder.path) }
        }
        let box = BoundingBox(x: 1, y: 1, width: 2, height: 2)
        #expect(
            try text { $0.annotations.append(AnnotationRecord(id: 8, imageID: 1, categoryID: 5, box: box)) }
                .contains("names image 1"))
        #expect(
            try text { $0.annotations.append(AnnotationRecord(id: 8, imageID: 42, categoryID: 6, box: box)) }
                .contains("names category 6"))
        #expect(
            try text { $0.images.append(ImageRecord(id: 42, width: 1, height: 1)) }.contains("occurs twice"))
        #expect(
            try text {
                $0.images = ImageTable(); $0.annotations = AnnotationTable()
            }.contains("no image is left"))
    }

    @Test func normalizationIsExact() throws {
        var image = try Image(width: 2, height: 1)
        image[1, 0] = Color(red: 255, green: 51, blue: 0)
        let tensor = try PixelNormalization(mean: [0.5, 0.1, 0], standardDeviation: [0.25, 0.1, 2])(image)
        #expect(tensor.shape == [3, 1, 2])
        #expect(try tensor.array(of: Float.self) == [-2, 2, -1, 1, 0, 0])
        let wrong = PixelNormalization(mean: [0, 0], standardDeviation: [1, 0, 1])
        #expect(message { _ = try wrong(image) }.contains("three"))
    }
}
