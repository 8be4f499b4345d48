import CLIP
internal import CKernels
import Foundation
import Imaging
import RegionDetection
import Support
import Torch

extension RegionIndex {
    /// A region that a search has found.
    public struct Hit: Sendable, Hashable {
        /// The place of its picture in the index.
        public let picture: Int

        /// The box in pixels of the picture.
        public let box: Box

        /// The score, as a detection's.
        public let score: Float

        /// The name of the class.
        public let label: String

        /// The index of the class in the vocabulary.
        public let classIndex: Int

        /// The place of the region among all of the index.
        public let region: Int
    }

    /// Finds the regions with the best scores for each class: the fused scores that `Detector.detect`
    /// gives, up to the rounding of embeddings to halves, among the regions of the index.
    ///
    /// Every region is compared with every class and the background. Of regions of a picture that overlap by more than the
    /// options' threshold of suppression, the best one of a class counts.
    /// - Parameters:
    ///   - vocabulary: The classes, with a background row; made by the CLIP of the index.
    ///   - detector: The detector that made the index, whose temperature and base classes count.
    ///   - options: Scoring options; the configuration's by default. Their settings of regions must be those of the index.
    ///   - top: The number of hits of each class.
    /// - Returns: The hits by falling score.
    /// - Throws: `DetectionError` for another detector's index, `CLIPError` for another CLIP's vocabulary;
    ///   `ConfigurationError`, `TorchError`.
    public func search(
        _ vocabulary: Vocabulary, with detector: Detector, options: ScoringOptions? = nil, top: Int = 100
    ) throws -> [Hit] {
        let options = options ?? detector.configuration.scoring
        try options.validate()
        guard options.presenceWeight == 0 else {
            throw ConfigurationError(
                key: "scoring.presenceWeight",
                reason: "needs looks at whole pictures, which an index does not keep: set it to 0")
        }
        try check(detector, options: options)
        let rows = try detector.rows(of: vocabulary)
        let temperature = try options.detectorTemperature ?? detector.network.temperature
        let query = try Query(
            detector: rows.detector, vlm: rows.vlm ?? rows.detector, detectorTemperature: temperature,
            options: options, isBase: rows.isBase)
        // A group with a softmax of its own is a search of its own.
        let groups = try rows.softmaxGroups.map { group in
            let columns = [0] + group
            let places = try Tensor(columns).to(device: rows.detector.device)
            return (
                group,
                try Query(
                    detector: rows.detector.indexSelected(0, places),
                    vlm: (rows.vlm ?? rows.detector).indexSelected(0, places),
                    detectorTemperature: temperature, options: options,
                    isBase: rows.isBase.map { isBase in columns.map { isBase[$0] } })
            )
        }
        // More than are wanted, since some are suppressed; all of them if there are not enough.
        var limit = max(4 * top, 64)
        while true {
            var found = try search(query, limit: limit)
            for (columns, query) in groups {
                for (column, hits) in zip(columns, try search(query, limit: limit)) {
                    found[column - 1] = hits
                }
            }
            let hits = try suppressed(found, vocabulary.names, options, detector, top: top)
            let isWhole = zip(found, hits).allSatisfy { $0.count < limit || $1.count >= top }
            guard !isWhole, limit < regionCount else {
                return hits.flatMap { $0 }.sorted {
                    $0.score != $1.score
                        ? $0.score > $1.score
                        : ($0.region, $0.classIndex) < ($1.region, $1.classIndex)
                }
            }
            limit = min(limit * 8, regionCount)
        }
    }

    /// The texts of a search in the form that the kernel takes.
    struct Query {
        /// [K, stride], divided by the temperature.
        let detector: [Float]
        let vlm: [Float]
        let stride: Int
        let classCount: Int
        let options: ScoringOptions
        let weights: [Float]

        init(
            detector: Tensor, vlm: Tensor, detectorTemperature: Double, options: ScoringOptions,
            isBase: [Bool]?
        ) throws {
            let (classCount, width) = (detector.shape[0], detector.shape[1])
            let stride = (width + 15) / 16 * 16
            func padded(_ texts: Tensor, _ temperature: Double) throws -> [Float] {
                try (TextClassifier.unit(texts).to(device: .cpu) / temperature)
                    .padded([0, stride - width]).array(of: Float.self)
            }
            self.detector = try padded(detector, detectorTemperature)
            self.vlm = try padded(vlm, options.vlmTemperature)
            self.stride = stride
            self.classCount = classCount
            self.options = options
            weights = options.weights(isBase: isBase ?? [Bool](repeating: false, count: classCount))
        }
    }

    /// A region before suppression.
    struct Candidate {
        let shard: Int
        let row: Int
        let score: Float
    }

    /// The best regions of each class but the background, without an order.
    func search(_ query: Query, limit: Int) throws -> [[Candidate]] {
        let options = query.options
        let starts = starts
        let usesVLM = options.scorer != ScoringOptions.Scorer.none
        // Parts of shards; a thread's parts share one set of hits, so that few are left to be sorted.
        let pieces = shards.indices.flatMap { shard in
            stride(from: 0, to: shards[shard].count, by: Self.pieceSize).map {
                (shard: shard, rows: $0..<min($0 + Self.pieceSize, shards[shard].count))
            }
        }
        let found = try Kernel.call { memory in
            let detectorWeights = memory.copy(of: query.weights.map { 1 - $0 })
            let vlmWeights = memory.copy(of: query.weights)
            let (detectorTexts, vlmTexts) = (memory.copy(of: query.detector), memory.copy(of: query.vlm))
            let weight = options.objectnessWeight
            let fusion = ck_fusion(
                detector: nil, other: nil, detector_weights: UnsafePointer(detectorWeights),
                other_weights: UnsafePointer(vlmWeights), classes: Int64(query.classCount), first: 1,
                threshold: Float(options.scoreThreshold), exponent: Float(weight > 0 ? 1 - weight : 1),
                is_unnormalized: !options.normalizesScores)
            let problems = shards.map { shard in
                ck_search_problem(
                    detector: shard.detector.pointer.assumingMemoryBound(to: UInt16.self),
                    other: usesVLM
                        ? shard.vlm.map { UnsafePointer($0.pointer.assumingMemoryBound(to: UInt16.self)) }
                        : nil,
                    width: Int64(identity.width), detector_texts: UnsafePointer(detectorTexts),
                    other_texts: UnsafePointer(vlmTexts), stride: Int64(query.stride),
                    factors: weight > 0
                        ? UnsafePointer(memory.copy(of: shard.objectness.map { pow($0, Float(weight)) }))
                        : nil,
                    fusion: fusion, limit: Int64(limit), first: 0)
            }
            return try Kernel.map(rows: pieces.count) { range in
                [
                    try Self.hits(
                        problems, pieces[range], starts, classCount: query.classCount, limit: limit)
                ]
            }
        }
        return (1..<max(query.classCount, 1)).map { place in
            let hits = found.flatMap { $0[place] }
            guard hits.count > limit else { return hits }
            return Array(
                hits.sorted {
                    $0.score != $1.score ? $0.score > $1.score : ($0.shard, $0.row) < ($1.shard, $1.row)
                }
                .prefix(limit))
        }
    }

    /// Regions of one thread's turn: enough that a turn's overhead does not count.
    private static let pieceSize = 16_384

    /// The best regions of each class in parts of shards.
    /// - Parameter starts: The place of each shard's first region among all.
    private static func hits(
        _ problems: [ck_search_problem], _ pieces: ArraySlice<(shard: Int, rows: Range<Int>)>,
        _ starts: [Int], classCount: Int, limit: Int
    ) throws -> [[Candidate]] {
        var scratch = [Float](repeating: 0, count: Int(ck_search_scratch(Int64(classCount))))
        // A class has no more hits than the pieces have rows.
        let limit = min(limit, pieces.reduce(0) { $0 + $1.rows.count })
        var heaps = [ck_hit](repeating: ck_hit(), count: classCount * limit)
        var counts = [Int64](repeating: 0, count: classCount)
        for (shard, rows) in pieces {
            var problem = problems[shard]
            problem.limit = Int64(limit)
            problem.first = Int64(starts[shard])
            guard
                ck_search(
                    &problem, Int64(rows.lowerBound), Int64(rows.upperBound), &scratch, &heaps, &counts)
                    == 0
            else { throw ScoredPairs.overflow }
        }
        return (0..<classCount).map { place in
            heaps[place * limit..<place * limit + Int(counts[place])].map { hit in
                // The last shard that does not begin behind it.
                var (low, high) = (0, starts.count)
                while low + 1 < high {
                    let middle = (low + high) / 2
                    if starts[middle] <= Int(hit.row) { low = middle } else { high = middle }
                }
                return Candidate(shard: low, row: Int(hit.row) - starts[low], score: hit.score)
            }
        }
    }

    /// The place of each shard's first region among all.
    private var starts: [Int] {
        var next = 0
        return shards.map { shard in
            defer { next += shard.count }
            return next
        }
    }

    /// The best of each class that no better one of the same class and picture covers.
    private func suppressed(
        _ found: [[Candidate]], _ names: [String], _ options: ScoringOptions, _ detector: Detector, top: Int
    ) throws -> [[Hit]] {
        let includes = detector.network.architecture.includesSuppressionThreshold
        let starts = starts
        return found.enumerated().map { place, candidates in
            var kept: [Hit] = []
            var byPicture: [Int: [Int]] = [:]
            let order = candidates.sorted {
                $0.score != $1.score ? $0.score > $1.score : ($0.shard, $0.row) < ($1.shard, $1.row)
            }
            for candidate in order {
                guard kept.count < top else { break }
                let shard = shards[candidate.shard]
                let corners = shard.boxes[4 * candidate.row..<4 * candidate.row + 4].map { Double($0) }
                let box = Box(x1: corners[0], y1: corners[1], x2: corners[2], y2: corners[3])
                // Detection drops boxes that lie outside of the picture.
                guard box.width > 0, box.height > 0 else { continue }
                let picture = shard.firstPicture + Int(shard.pictureOfRow[candidate.row])
                let isCovered = byPicture[picture, default: []].contains {
                    let overlap = kept[$0].box.intersectionOverUnion(with: box)
                    return includes
                        ? overlap >= options.suppressionThreshold : overlap > options.suppressionThreshold
                }
                guard !isCovered else { continue }
                byPicture[picture, default: []].append(kept.count)
                kept.append(
                    Hit(
                        picture: picture, box: box, score: candidate.score, label: names[place],
                        classIndex: place, region: starts[candidate.shard] + candidate.row))
            }
            return kept
        }
    }
}
