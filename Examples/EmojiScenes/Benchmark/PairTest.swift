import Analysis
import CLIP
import COCO
import FVLM
import Imaging

/// Tests whether negatives keep a class that is shown by examples from the objects of another one: scenes of both classes alone.
struct PairTest {
    /// The columns of ``rows(examples:draws:mix:)``.
    static let columns = ["false alarms", "best F1", "false alarms spread", "best F1 spread"]

    private static let overlap = BoxMerging.Measure.intersectionOverUnion

    private let detector: Detector
    private let words: Vocabulary
    private let options: ScoringOptions
    private let glyphs: GlyphSet
    /// The places of the class that is shown, and of the one that is taken for it, among the known categories.
    private let shown: Int, other: Int
    private let seed: UInt64
    /// A collector that knows what is ordinary.
    private var start: ExampleCollector
    private var scenes: [(objects: [Scene.Object], seen: EncodedImages)] = []

    init(
        shown: Int, other: Int, detector: Detector, words: Vocabulary, glyphs: GlyphSet, scenes count: Int,
        ordinary: Int, seed: UInt64
    ) throws {
        (self.shown, self.other, self.detector) = (shown, other, detector)
        (self.words, self.glyphs, self.seed) = (words, glyphs, seed)
        var options = detector.configuration.scoring
        options.includesMasks = false
        self.options = options
        start = ExampleCollector(detector, options: options)
        for number in 0..<ordinary {
            try start.add(ordinary: scene("pair ordinary", number, others: 8).0)
        }
        for number in 0..<count {
            let (image, objects) = try scene("pairs", number)
            scenes.append((objects, try detector.encode([image], options: options, includesMasks: false)))
        }
    }

    /// A scene of both classes, and of as many others.
    private func scene(_ name: String, _ number: Int, others: Int = 0) throws -> (Image, [Scene.Object]) {
        var random = RandomStream(seed: seed, "\(name) \(shown) \(other)", index: number)
        let candidates = [shown, other] + (0..<others).map { _ in random.index(glyphs.categories.count) }
        let composer = SceneComposer(glyphs: glyphs, candidates: candidates)
        let scene = try composer.scene(&random)
        return (
            try Image(width: composer.side, height: composer.side, pixels: scene.canvas.bytes), scene.objects
        )
    }

    /// The class by name, by examples, and by both, with and without boxes of the other class as negatives: means of draws.
    func rows(examples count: Int, draws: Int, mix: Double) throws -> [BenchmarkTable.Row] {
        let name = words.classes[shown].name
        var rows = [BenchmarkTable.Row(name: "\(name), by name", values: figures(of: try found(words)))]
        var results: [[BenchmarkTable.Row]] = [[], [], [], []]
        let titles = ["examples", "and negatives", "mixed", "mixed, and negatives"]
        for draw in 0..<draws {
            for (place, title) in titles.enumerated() {
                var options = ExampleOptions()
                options.mix = place < 2 ? 0 : mix
                let made = try collector(draw, count, hasNegatives: place % 2 == 1)
                    .vocabulary(beside: words, options: options)
                let values = figures(of: try found(words.replacing(with: made)))
                results[place].append(.init(name: title, values: values))
            }
        }
        for (title, results) in zip(titles, results) {
            let (mean, spread) = BenchmarkTable.meanAndSpread(results)
            var values = mean
            for (key, value) in spread { values["\(key) spread"] = value }
            rows.append(.init(name: title, values: values))
        }
        return rows
    }

    /// A collector that has looked at boxes of the class, and of the other one as negatives.
    private func collector(_ draw: Int, _ count: Int, hasNegatives: Bool) throws -> ExampleCollector {
        var collector = start
        var left = [shown: count, other: hasNegatives ? count : 0]
        var number = 0
        while left.values.contains(where: { $0 > 0 }) {
            defer { number += 1 }
            let (image, objects) = try scene("pair examples \(draw)", number, others: 8)
            // One of each class, so that draws differ in their scenes.
            let boxes = [shown, other].compactMap { category -> ExampleBox? in
                guard left[category, default: 0] > 0,
                    let object = objects.first(where: { $0.category == category })
                else { return nil }
                left[category, default: 0] -= 1
                return ExampleBox(
                    className: words.classes[shown].name, box: Box(object.mask.box),
                    isNegative: category == other)
            }
            try collector.add(image, named: "\(number)", boxes)
        }
        return collector
    }

    /// The detections of the class in each scene.
    private func found(_ vocabulary: Vocabulary) throws -> [[FVLM.Detection]] {
        let name = words.classes[shown].name
        return try scenes.map { scene in
            try scene.seen.detections(of: vocabulary, options: options)[0].filter { $0.label == name }
        }
    }

    /// The best F1 of the class, and the share of objects of the other one that are taken for it at that threshold.
    private func figures(of found: [[FVLM.Detection]]) -> [String: Double] {
        // Best first, each detection takes a free object that it overlaps by half.
        var isHit: [(score: Float, isHit: Bool)] = []
        var alarms: [Float] = []
        var (objectCount, otherCount) = (0, 0)
        for (scene, detections) in zip(scenes, found) {
            let own = scene.objects.filter { $0.category == shown }.map { Box($0.mask.box) }
            let others = scene.objects.filter { $0.category == other }.map { Box($0.mask.box) }
            objectCount += own.count
            otherCount += others.count
            var isTaken = [Bool](repeating: false, count: own.count)
            for detection in detections {
                let place = own.indices.first {
                    !isTaken[$0] && Self.overlap(detection.box, own[$0]) >= 0.5
                }
                if let place { isTaken[place] = true }
                isHit.append((detection.score, place != nil))
            }
            for box in others {
                let score = detections.filter { Self.overlap($0.box, box) >= 0.5 }.map(\.score).max()
                if let score { alarms.append(score) }
            }
        }
        isHit.sort { $0.score > $1.score }
        var (best, threshold, hits) = (0.0, Float.infinity, 0)
        for (rank, detection) in isHit.enumerated() {
            hits += detection.isHit ? 1 : 0
            let f1 = Double(2 * hits) / Double(rank + 1 + objectCount)
            if f1 > best { (best, threshold) = (f1, detection.score) }
        }
        return [
            "best F1": best,
            "false alarms": Double(alarms.count { $0 >= threshold }) / Double(max(otherCount, 1)),
        ]
    }
}
