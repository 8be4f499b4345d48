import COCO
import FVLM
import Foundation
import Imaging
import Support

/// Measures ways of looking at large scenes.
struct LargeSceneTest {
    /// A way of looking.
    enum Way: String, CaseIterable {
        case one = "one look"
        case joint = "tiles, joint"
        case nms = "tiles, SAHI's NMS"
        case nmm = "tiles, SAHI's NMM"
        case greedy = "tiles, SAHI's greedy NMM"
    }

    /// Detections of an object that a better one of its class has found.
    private struct Doubles {
        var all = 0
        /// Those with a score of at least 0.5.
        var sure = 0
    }

    static let columns = [
        "base AP50", "novel AP50", "all AP50", "double boxes", "sure", "seconds a scene",
        "MB at most",
    ]

    private let detector: Detector
    private let vocabulary: Vocabulary
    private let categories: [EmojiCategory]
    private let tile: Int
    private var truth = Dataset()
    private var tables: [Way: DetectionTable] = [:]
    private var doubles: [Way: Doubles] = [:]
    private var seconds: [Way: Double] = [:]
    private var peak = 0

    init(detector: Detector, vocabulary: Vocabulary, categories: [EmojiCategory], tile: Int) {
        self.detector = detector
        self.vocabulary = vocabulary
        self.categories = categories
        self.tile = tile
        truth.categories = categories.enumerated().map {
            Category(id: Int64($0.offset + 1), name: $0.element.name)
        }
    }

    /// Looks at a scene in all ways.
    mutating func add(_ image: Image, _ objects: [Scene.Object], jointOnly: Bool) async throws {
        let id = Int64(truth.images.count + 1)
        truth.images.append(ImageRecord(id: id, width: image.width, height: image.height))
        for object in objects {
            truth.annotations.append(
                AnnotationRecord(
                    id: Int64(truth.annotations.count + 1), imageID: id,
                    categoryID: Int64(object.category + 1),
                    box: object.mask.box, area: Double(object.mask.area)))
        }
        var options = detector.configuration.scoring
        options.includesMasks = false
        var tiles = TilingOptions()
        tiles.side = tile
        let (clock, start) = (ContinuousClock(), ContinuousClock.now)
        let joint = try await detector.detect(image, vocabulary: vocabulary, options: options, tiles: tiles)
        take(joint, .joint, objects, id, (clock.now - start) / .seconds(1))
        peak = max(peak, ProcessMemory.peakBytes ?? 0)
        guard !jointOnly else { return }
        take(
            try await detector.detect([image], vocabulary: vocabulary, options: options)[0], .one, objects, id
        )
        // Each look alone, once for all of SAHI's rules: what suppression by a threshold of 1 leaves is everything.
        tiles.merging = .nms
        tiles.measure = .intersectionOverUnion
        tiles.matchThreshold = 1
        let all = try await detector.detect(image, vocabulary: vocabulary, options: options, tiles: tiles)
        for (way, method) in [(Way.nms, BoxMerging.Method.nms), (.nmm, .nmm), (.greedy, .greedyNMM)] {
            let merging = BoxMerging(method, by: .intersectionOverSmaller, threshold: 0.5)
            take(merging(all), way, objects, id)
        }
    }

    private mutating func take(
        _ detections: [Detection], _ way: Way, _ objects: [Scene.Object], _ image: Int64,
        _ time: Double? = nil
    ) {
        var table = tables[way] ?? DetectionTable()
        for detection in detections {
            table.append(
                DetectionRecord(
                    imageID: image, categoryID: Int64(detection.classIndex + 1),
                    score: Double(detection.score),
                    box: BoundingBox(
                        x: detection.box.x1, y: detection.box.y1, width: detection.box.width,
                        height: detection.box.height)))
        }
        tables[way] = table
        Self.count(detections, objects, &doubles[way, default: Doubles()])
        if let time { seconds[way, default: 0] += time }
    }

    /// Counts doubles: most of the smaller one of the box and the object is in the other.
    private static func count(
        _ detections: [Detection], _ objects: [Scene.Object], _ doubles: inout Doubles
    ) {
        func box(_ object: Scene.Object) -> Box { Box(object.mask.box) }
        for object in objects {
            let truth = box(object)
            let own = detections.filter {
                $0.classIndex == object.category
                    && BoxMerging.Measure.intersectionOverSmaller($0.box, truth) > 0.5
            }.sorted {
                BoxMerging.Measure.intersectionOverUnion($0.box, truth)
                    > BoxMerging.Measure.intersectionOverUnion($1.box, truth)
            }
            guard let first = own.first,
                BoxMerging.Measure.intersectionOverUnion(first.box, truth) >= 0.5
            else { continue }
            // Another object of the class may be near.
            let others = objects.count { other in
                other.category == object.category
                    && BoxMerging.Measure.intersectionOverSmaller(truth, box(other)) > 0.2
            }
            for double in own.dropFirst(others) {
                doubles.all += 1
                if double.score >= 0.5 { doubles.sure += 1 }
            }
        }
    }

    func table(side: Int) throws -> BenchmarkTable {
        var table = BenchmarkTable(
            title:
                "\(truth.images.count) scenes of \(side) x \(side) pixels with \(truth.annotations.count) emoji, tiles of \(tile)",
            columns: Self.columns)
        let splits = [EmojiCategory.Split.base, .novel].map { split in
            CategorySplit(
                name: split.rawValue,
                categoryIDs: categories.indices.filter { categories[$0].split == split }.map { Int64($0 + 1) }
            )
        }
        for way in Way.allCases {
            guard let found = tables[way] else { continue }
            var options = EvaluationOptions.coco(.box)
            // As many as there are: a large scene has more than a picture of COCO's.
            options.detectionLimits = [100_000]
            let evaluation = try Evaluation(truth: truth, detections: found, options: options)
            let doubles = doubles[way] ?? Doubles()
            var values = ["double boxes": Double(doubles.all), "sure": Double(doubles.sure)]
            for part in evaluation.parts(splits) {
                values["\(part.name) AP50"] = evaluation.averagePrecision(
                    iouThreshold: 0.5, classes: part.classes)
            }
            if way == .joint {
                values["seconds a scene"] = seconds[way].map { $0 / Double(truth.images.count) }
                values["MB at most"] = Double(peak >> 20)
            }
            table.add(way.rawValue, values)
        }
        return table
    }
}
