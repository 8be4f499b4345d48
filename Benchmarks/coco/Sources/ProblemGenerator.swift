import COCO
import Foundation
import Support

/// Generates a problem of the size and composition of val2017 with a detector's results, from a seed.
struct ProblemGenerator {
    private var generator: SplitMix64

    init(seed: UInt64) { generator = SplitMix64(seed: seed) }

    private mutating func uniform(_ low: Double, _ high: Double) -> Double {
        Double.random(in: low..<high, using: &generator)
    }

    private mutating func integer(_ range: ClosedRange<Int>) -> Int {
        Int.random(in: range, using: &generator)
    }

    /// Two decimals, as the published files have them.
    private func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }

    /// A polygon that fills most of a box.
    private mutating func polygon(_ box: BoundingBox, points: ClosedRange<Int>) -> [Double] {
        let angles = (0..<integer(points)).map { _ in uniform(0, 2 * .pi) }.sorted()
        return angles.flatMap { angle in
            let radius = uniform(0.55, 1)
            return [
                rounded(box.x + box.width / 2 * (1 + radius * cos(angle))),
                rounded(box.y + box.height / 2 * (1 + radius * sin(angle))),
            ]
        }
    }

    private mutating func box(width: Int, height: Int) -> BoundingBox {
        let w = min(exp(uniform(log(8), log(300))), Double(width - 2))
        let h = min(exp(uniform(log(8), log(300))), Double(height - 2))
        return BoundingBox(
            x: rounded(uniform(0, Double(width) - w)), y: rounded(uniform(0, Double(height) - h)),
            width: rounded(w),
            height: rounded(h))
    }

    /// A detection's box near an object's.
    private mutating func moved(_ box: BoundingBox) -> BoundingBox {
        BoundingBox(
            x: rounded(box.x + uniform(-0.2, 0.2) * box.width),
            y: rounded(box.y + uniform(-0.2, 0.2) * box.height),
            width: rounded(box.width * uniform(0.75, 1.3)), height: rounded(box.height * uniform(0.75, 1.3)))
    }

    /// 80 classes; on average 7 objects and exactly 30 detections with masks per image.
    mutating func problem(images: Int) throws -> (Dataset, DetectionTable) {
        var (data, table) = (Dataset(), DetectionTable())
        data.categories = (0..<80).map {
            Category(id: Int64($0 + 1 + $0 / 10), name: "class \($0)", supercategory: "s")
        }
        for index in 0..<images {
            let (width, height) = (integer(320...640), integer(320...640))
            let id = Int64(7 * index + 3)
            data.images.append(ImageRecord(id: id, width: width, height: height, fileName: "\(id).jpg"))
            var objects: [(BoundingBox, Int64)] = []
            for _ in 0..<integer(0...14) {
                let (place, category) = (
                    box(width: width, height: height), data.categories[integer(0...79)].id
                )
                let rings = [polygon(place, points: 5...24)]
                let mask = try RunLengthMask(height: height, width: width, polygons: rings)
                let isCrowd = integer(0...65) == 0
                objects.append((place, category))
                data.annotations.append(
                    AnnotationRecord(
                        id: Int64(data.annotations.count + 1), imageID: id, categoryID: category, box: place,
                        area: Double(mask.area), isCrowd: isCrowd,
                        segmentation: isCrowd
                            ? .runLengths(height: height, width: width, counts: mask.counts)
                            : .polygons(rings)))
            }
            for _ in 0..<30 {
                var (place, category) = (
                    box(width: width, height: height), data.categories[integer(0...79)].id
                )
                if !objects.isEmpty, integer(0...1) == 0 {
                    let object = objects[integer(0...objects.count - 1)]
                    place = moved(object.0)
                    if integer(0...4) > 0 { category = object.1 }
                }
                let mask = try RunLengthMask(
                    height: height, width: width, polygons: [polygon(place, points: 5...24)])
                table.append(
                    DetectionRecord(
                        imageID: id, categoryID: category, score: uniform(0, 1), box: place,
                        segmentation: .compressedRunLengths(
                            height: height, width: width, counts: mask.compressed)))
            }
        }
        return (data, table)
    }

    /// A file of the size of train2017's: 118,287 images, 860,001 objects, about 450 MB.
    mutating func largeDataset(images: Int = 118_287, objects: Int = 860_001) -> Dataset {
        var data = Dataset()
        data.categories = (1...80).map { Category(id: Int64($0), name: "class \($0)", supercategory: "s") }
        for index in 0..<images {
            data.images.append(
                ImageRecord(
                    id: Int64(index), width: 640, height: 480, fileName: "\(1_000_000_000_000 + index).jpg",
                    cocoURL: "http://images.cocodataset.org/train2017/\(1_000_000_000_000 + index).jpg",
                    license: 3))
        }
        for index in 0..<objects {
            let place = box(width: 640, height: 480)
            let points = min(400, Int(-22 * log(uniform(0.0001, 1))) + 5)
            data.annotations.append(
                AnnotationRecord(
                    id: Int64(900_100_000_000 + index), imageID: Int64(integer(0...images - 1)),
                    categoryID: Int64(integer(1...80)), box: place, area: rounded(place.area * 0.7),
                    segmentation: .polygons([polygon(place, points: points...points)])))
        }
        return data
    }
}
