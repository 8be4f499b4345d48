import CLIP
import COCO
import Evaluation
import FVLM
import Foundation
import Imaging
import Support
import Torch
import Training

/// Tests a detector on a part of the data set: average precision of base and novel categories.
struct DetectorTest {
    /// The columns of the result of ``figures(of:options:)``.
    static let columns = ["base", "novel", "all"].flatMap { part in
        ["\(part) AP50", "\(part) AP", "\(part) mask AP50", "\(part) mask AP"]
    }

    let truth: Dataset
    let folder: String
    let vocabulary: Vocabulary
    private let splits: [CategorySplit]
    private let evaluator: DetectorEvaluator

    /// - Parameters:
    ///   - limit: The number of scenes, starting with the first.
    ///   - splits: The split of every category by name.
    init(
        _ name: String, in folder: String, vocabulary: Vocabulary, splits: [String: EmojiCategory.Split],
        limit: Int = .max
    ) throws {
        let whole = try Dataset(contentsOf: "\(folder)/\(name).json")
        var truth = Dataset()
        truth.categories = whole.categories
        for row in 0..<min(limit, whole.images.count) { truth.images.append(whole.images[row]) }
        for row in 0..<whole.annotations.count where whole.annotations.imageIDs[row] <= Int64(limit) {
            truth.annotations.append(row: row, of: whole.annotations)
        }
        self.truth = truth
        self.folder = "\(folder)/\(name)"
        self.vocabulary = vocabulary
        self.splits = [EmojiCategory.Split.base, .novel].map { split in
            CategorySplit(
                name: split.rawValue,
                categoryIDs: truth.categories.filter { splits[$0.name] == split }.map(\.id))
        }
        var evaluator = try DetectorEvaluator(
            truth: truth, imagesIn: self.folder, vocabulary: vocabulary, splits: self.splits)
        evaluator.pictureCount = 0
        self.evaluator = evaluator
    }

    /// Average precision by split; masks only if the options ask for them.
    func figures(of detector: Detector, options: ScoringOptions) throws -> [String: Double] {
        try evaluate(detector, options: options).values
    }

    /// Average precision by split, and precision-recall curves of boxes.
    func evaluate(_ detector: Detector, options: ScoringOptions) throws -> (
        values: [String: Double], plots: [Evaluation.Plot]
    ) {
        let table = try evaluator.detections(of: detector, options: options).table
        var values: [String: Double] = [:]
        var plots: [Evaluation.Plot] = []
        for geometry in options.includesMasks ? [EvaluationOptions.Geometry.box, .mask] : [.box] {
            let evaluation = try Evaluation(truth: truth, detections: table, options: .coco(geometry))
            let kind = geometry == .box ? "" : "mask "
            for part in evaluation.parts(splits) {
                values["\(part.name) \(kind)AP50"] = evaluation.averagePrecision(
                    iouThreshold: 0.5, classes: part.classes)
                values["\(part.name) \(kind)AP"] = evaluation.averagePrecision(classes: part.classes)
            }
            if geometry == .box {
                plots = evaluation.precisionRecallPlots(parts: evaluation.parts(splits), worstClasses: 0)
            }
        }
        return (values, plots)
    }

    // MARK: What a detector could reach

    /// The columns of ``oracle(_:)``.
    static let oracleColumns = [
        "base top-1", "novel top-1", "all top-1", "< 40 px", "40 to 72 px", "> 72 px", "alone", "overlapped",
    ]

    /// How often the frozen model correctly classifies a ground-truth box.
    /// - Parameter configuration: Determines the size of scenes and the scoring of regions; heads are not needed.
    func oracle(_ configuration: DetectorConfiguration, clip: CLIPModel) throws -> [String: Double] {
        var counts: [String: (hits: Int, total: Int)] = [:]
        let texts = try vocabulary.matrix(for: clip.identity())
        let trunk = try configuration.trunk(of: clip)
        let places = Dictionary(
            vocabulary.classes.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
        try forEachScene(configuration, clip) { batch, boxes, annotations in
            guard let embeddings = try trunk.embeddings(of: [boxes], in: batch.pixels, configuration.scoring)
            else { return }
            let best = try embeddings.normalized().matmul(texts.transposed(0, 1)).argmax(1).array(
                of: Int64.self)
            for (row, (annotation, choice)) in zip(annotations, best).enumerated() {
                let category = truth.categories[Int(annotation.categoryID) - 1]
                let side = annotation.box.map { max($0.width, $0.height) } ?? 0
                let isHit = places[category.name] == Int(choice)
                let split = splits.first { $0.categoryIDs.contains(category.id) }?.name ?? ""
                let size = side < 40 ? "< 40 px" : side <= 72 ? "40 to 72 px" : "> 72 px"
                let company = isOverlapped(row, annotations) ? "overlapped" : "alone"
                for key in ["\(split) top-1", "all top-1", size, company] {
                    counts[key, default: (0, 0)].total += 1
                    if isHit { counts[key, default: (0, 0)].hits += 1 }
                }
            }
        }
        return counts.mapValues { Double($0.hits) / Double(max($0.total, 1)) }
    }

    /// Whether boxes of other objects cover more than a tenth of an object's box.
    private func isOverlapped(_ row: Int, _ annotations: [AnnotationRecord]) -> Bool {
        guard let box = annotations[row].box else { return false }
        return annotations.enumerated().contains { place, other in
            guard place != row, let other = other.box else { return false }
            let width = min(box.x + box.width, other.x + other.width) - max(box.x, other.x)
            let height = min(box.y + box.height, other.y + other.height) - max(box.y, other.y)
            return width > 0 && height > 0 && width * height > 0.1 * box.width * box.height
        }
    }

    /// The columns of ``proposalRecall(_:)``.
    static let recallColumns = ["base recall", "novel recall", "proposals"]

    /// The share of objects that a proposal overlaps by half.
    func proposalRecall(_ detector: Detector) throws -> [String: Double] {
        var counts: [String: (hits: Int, total: Int)] = [:]
        var (proposalCount, sceneCount) = (0, 0)
        try forEachScene(detector.configuration, detector.clip) { batch, boxes, annotations in
            let network = detector.network
            let found = try network.proposalNetwork(
                network.pyramid(detector.trunk.levels(of: batch.pixels)), sizes: batch.sizes
            ).boxes[0]
            (proposalCount, sceneCount) = (proposalCount + found.count, sceneCount + 1)
            let proposals = try found.tensor.array(of: Float.self)
            let objects = try boxes.tensor.array(of: Float.self)
            for (row, annotation) in annotations.enumerated() {
                let object = Array(objects[(4 * row)..<(4 * row + 4)])
                let isFound = stride(from: 0, to: proposals.count, by: 4).contains { place in
                    overlap(object, Array(proposals[place..<(place + 4)])) >= 0.5
                }
                let split = splits.first { $0.categoryIDs.contains(annotation.categoryID) }?.name ?? ""
                counts["\(split) recall", default: (0, 0)].total += 1
                if isFound { counts["\(split) recall", default: (0, 0)].hits += 1 }
            }
        }
        var values = counts.mapValues { Double($0.hits) / Double(max($0.total, 1)) }
        values["proposals"] = Double(proposalCount) / Double(max(sceneCount, 1))
        return values
    }

    /// Calls `body` with every scene as the network's input, the objects' boxes in its pixels, and the objects.
    private func forEachScene(
        _ configuration: DetectorConfiguration, _ clip: CLIPModel,
        _ body: (ImageBatch, Boxes, [AnnotationRecord]) throws -> Void
    ) throws {
        let byImage = Dictionary(
            grouping: (0..<truth.annotations.count).map { truth.annotations[$0] }, by: \.imageID)
        for row in 0..<truth.images.count {
            let record = truth.images[row]
            let annotations = (byImage[record.id] ?? []).filter { $0.box != nil }
            guard !annotations.isEmpty else { continue }
            let image = try Image(contentsOf: "\(folder)/\(record.fileName)")
            let prepared = try configuration.preprocessor(image)
            let pixels = prepared.tensor
            let corners = annotations.map { annotation -> [Float] in
                let box = annotation.box ?? BoundingBox(x: 0, y: 0, width: 0, height: 0)
                let placed = prepared.transform.apply(to: Imaging.Box(box))
                return [Float(placed.x1), Float(placed.y1), Float(placed.x2), Float(placed.y2)]
            }
            let multiple = configuration.sizeMultiple(for: clip.configuration)
            try withoutGradients {
                try body(
                    ImageBatch([pixels], padding: .init(multiple: multiple)), Boxes(corners), annotations)
            }
        }
    }

    private func overlap(_ first: [Float], _ second: [Float]) -> Float {
        let width = min(first[2], second[2]) - max(first[0], second[0])
        let height = min(first[3], second[3]) - max(first[1], second[1])
        guard width > 0, height > 0 else { return 0 }
        func area(_ box: [Float]) -> Float { (box[2] - box[0]) * (box[3] - box[1]) }
        return width * height / (area(first) + area(second) - width * height)
    }

    // MARK: Pictures

    /// Scenes with their detections, side by side; novel categories are marked with a star.
    func pictures(of detector: Detector, count: Int, columns: Int = 4, scoreThreshold: Double = 0.3) throws
        -> Image
    {
        var options = detector.configuration.scoring
        options.scoreThreshold = scoreThreshold
        var tiles: [Image] = []
        for row in 0..<min(count, truth.images.count) {
            let image = try Image(contentsOf: "\(folder)/\(truth.images[row].fileName)")
            let found = try detector.detect([image], vocabulary: vocabulary, options: options)[0]
            tiles.append(
                try Annotator().draw(found, on: image) { detection in
                    let isNovel = vocabulary.classes[detection.classIndex].split == .novel
                    let score = NumberText.decimals(Double(detection.score), 2)
                    return "\(isNovel ? "★ " : "")\(detection.label) \(score)"
                })
        }
        return try Image(tiles: tiles, columns: columns)
    }
}

extension Image {
    /// Creates a grid of equally sized pictures.
    init(tiles: [Image], columns: Int) throws {
        guard let first = tiles.first else { throw EmojiScenesError("picture", reason: "there are no tiles") }
        let rows = (tiles.count + columns - 1) / columns
        let (width, height) = (first.width, first.height)
        var bytes = [UInt8](repeating: 255, count: columns * width * rows * height * 3)
        for (index, tile) in tiles.enumerated() where tile.size == first.size {
            for y in 0..<height {
                let target = ((index / columns * height + y) * columns + index % columns) * width * 3
                bytes.replaceSubrange(
                    target..<(target + width * 3), with: tile.pixels[(y * width * 3)..<((y + 1) * width * 3)])
            }
        }
        try self.init(width: columns * width, height: rows * height, pixels: bytes)
    }
}
