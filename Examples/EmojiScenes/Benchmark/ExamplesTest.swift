import Analysis
import CLIP
import COCO
import Evaluation
import FVLM
import Imaging

/// Tests classes that are shown by boxes: novel classes by 1, 3 or 5 examples against their names.
struct ExamplesTest {
    /// Objects of a class, in the order in which a draw takes them.
    typealias Draw = [Int64: [AnnotationRecord]]

    /// The columns of ``compare(shots:draws:ordinary:mix:seed:)``.
    static let columns = [
        "base AP50", "novel AP50", "shown AP50", "base spread", "novel spread", "shown spread",
    ]

    private let detector: Detector
    private let words: Vocabulary
    private let options: ScoringOptions
    /// The scenes that are tested, and those that examples are taken from.
    private let truth: Dataset, pool: Dataset
    private let folder: String
    private let seen: DetectorEvaluator.Seen
    private let splits: [CategorySplit]

    /// The novel classes with enough objects in the pool.
    let shown: [Int64]

    /// - Parameters:
    ///   - part: The name of the scenes below `data`.
    ///   - tested: The number of scenes that are tested, those that come first. Examples come from the others.
    ///   - least: The number of objects that a class must have among them.
    init(
        _ part: String, in data: String, tested: Int, least: Int, detector: Detector, words: Vocabulary
    ) throws {
        let whole = try Dataset(contentsOf: "\(data)/\(part).json")
        (truth, pool) = (whole.scenes { $0 <= tested }, whole.scenes { $0 > tested })
        folder = "\(data)/\(part)"
        self.detector = detector
        self.words = words
        var options = detector.configuration.scoring
        options.includesMasks = false
        self.options = options
        let isNovel = Set(words.classes.filter { $0.split == .novel }.map(\.name))
        let novel = whole.categories.filter { isNovel.contains($0.name) }.map(\.id)
        let counts = pool.annotationCounts
        let shown = novel.filter { counts[$0] ?? 0 >= least }
        self.shown = shown
        splits = [
            CategorySplit(
                name: "base", categoryIDs: whole.categories.filter { !isNovel.contains($0.name) }.map(\.id)),
            CategorySplit(name: "novel", categoryIDs: novel),
            CategorySplit(name: "shown", categoryIDs: shown),
        ]
        seen = try DetectorEvaluator(truth: truth, imagesIn: folder, vocabulary: words)
            .seen(by: detector, options: options)
    }

    /// The name of a class.
    func name(_ id: Int64) -> String { truth.categories[Int(id) - 1].name }

    /// Average precision by name, by examples, and by both.
    ///
    /// Each class is made of its own examples beside `ordinary` scenes without boxes, the last ones.
    func compare(shots: [Int], draws: Int, ordinary: Int, mix: Double, seed: UInt64) throws
        -> [BenchmarkTable.Row]
    {
        var start = ExampleCollector(detector, options: options)
        for row in max(pool.images.count - ordinary, 0)..<pool.images.count {
            try start.add(ordinary: image(pool.images[row]))
        }
        var rows: [String: [BenchmarkTable.Row]] = [:]
        var titles = ["by name"]
        rows["by name"] = [.init(name: "by name", values: try figures(words))]
        for number in 0..<draws {
            let objects = draw(number, seed: seed)
            var collectors = shown.map { _ in start }
            var done = 0
            for count in shots.sorted() {
                for (place, id) in shown.enumerated() {
                    for object in (objects[id] ?? [])[done..<count] {
                        try add(object, to: &collectors[place])
                    }
                }
                done = count
                for mix in [0, mix] {
                    let title = "\(count) example\(count == 1 ? "" : "s")" + (mix > 0 ? ", mixed" : "")
                    if number == 0 { titles.append(title) }
                    var options = ExampleOptions()
                    options.mix = mix
                    let made = try collectors.reduce(words) {
                        try $0.replacing(with: $1.vocabulary(beside: words, options: options))
                    }
                    rows[title, default: []].append(.init(name: title, values: try figures(made)))
                }
            }
        }
        return titles.map { title in
            let (mean, spread) = BenchmarkTable.meanAndSpread(rows[title] ?? [])
            var values = mean
            for (key, value) in spread where title != "by name" {
                values[key.replacing("AP50", with: "spread")] = value
            }
            return .init(name: title, values: values)
        }
    }

    /// The objects of each shown class in an order of their own.
    private func draw(_ number: Int, seed: UInt64) -> Draw {
        let byClass = Dictionary(
            grouping: (0..<pool.annotations.count).map { pool.annotations[$0] }, by: \.categoryID)
        var result: Draw = [:]
        for id in shown {
            var random = RandomStream(seed: seed, "examples of class \(id)", index: number)
            var objects = byClass[id] ?? []
            for place in objects.indices.dropLast() {
                objects.swapAt(place, place + random.index(objects.count - place))
            }
            result[id] = objects
        }
        return result
    }

    private func image(_ record: ImageRecord) throws -> Image {
        try Image(contentsOf: "\(folder)/\(record.fileName)")
    }

    private func add(_ object: AnnotationRecord, to collector: inout ExampleCollector) throws {
        guard let record = pool.images.record(object.imageID), let box = object.box else { return }
        try collector.add(
            image(record), named: record.fileName,
            [ExampleBox(className: name(object.categoryID), box: Box(box))])
    }

    private func figures(_ vocabulary: Vocabulary) throws -> [String: Double] {
        let evaluator = try DetectorEvaluator(truth: truth, imagesIn: folder, vocabulary: vocabulary)
        let found = try evaluator.detections(in: seen, options: options)
        let evaluation = try Evaluation(truth: truth, detections: found.table, options: .coco(.box))
        var values: [String: Double] = [:]
        for part in evaluation.parts(splits) where part.name != "all" {
            values["\(part.name) AP50"] = evaluation.averagePrecision(
                iouThreshold: 0.5, classes: part.classes)
        }
        return values
    }

    // MARK: Pairs that are confused

    /// The pairs of a class and the shown class that its objects are most often taken for by name, in the pool.
    func confusedPairs(_ count: Int) throws -> [ConfusionMatrix.Confusion] {
        let evaluator = try DetectorEvaluator(truth: pool, imagesIn: folder, vocabulary: words)
        let table = try evaluator.detections(
            in: evaluator.seen(by: detector, options: options), options: options
        ).table
        var matching = ConfusionMatrix.Options()
        matching.scoreThreshold = 0.1
        let matrix = try ConfusionMatrix(
            Overlaps(truth: pool, detections: table, geometry: .box), options: matching)
        return Array(matrix.confusions.filter { shown.contains($0.prediction) }.prefix(count))
    }
}

extension Dataset {
    /// The part whose image ids are chosen.
    fileprivate func scenes(_ isIncluded: (Int) -> Bool) -> Dataset {
        var result = Dataset()
        result.categories = categories
        for row in 0..<images.count where isIncluded(Int(images.ids[row])) {
            result.images.append(images[row])
        }
        for row in 0..<annotations.count where isIncluded(Int(annotations.imageIDs[row])) {
            result.annotations.append(row: row, of: annotations)
        }
        return result
    }
}

extension ImageTable {
    fileprivate func record(_ id: Int64) -> ImageRecord? { ids.firstIndex(of: id).map { self[$0] } }
}
