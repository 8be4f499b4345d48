import Support
import Synchronization

/// Counts the finished runs of a bootstrap or permutation test, for a progress display.
public final class ResamplingProgress: Sendable {
    private let done = Atomic<Int>(0)
    private let changed: @Sendable (Int) -> Void

    /// - Parameter changed: Called with the number of finished runs, on any thread.
    public init(_ changed: @escaping @Sendable (Int) -> Void) { self.changed = changed }

    func advance() { changed(done.wrappingAdd(1, ordering: .relaxed).newValue) }
}

/// The common part of the bootstrap and the permutation test.
enum Resampling {
    /// How often each image is drawn.
    static func weights(_ imageCount: Int, seed: UInt64, run: Int) -> [Int32] {
        var generator = SplitMix64(seed: seed, run: run)
        var weights = [Int32](repeating: 0, count: imageCount)
        for _ in 0..<imageCount { weights[generator.index(below: imageCount)] += 1 }
        return weights
    }

    /// Computes `count` runs of `width` values each.
    static func run(
        _ count: Int, width: Int, _ options: EvaluationOptions, progress: ResamplingProgress? = nil,
        _ body: @Sendable (inout Accumulator, Int, UnsafeMutablePointer<Double>) -> Void
    ) throws -> [Double] {
        var values = [Double](repeating: .nan, count: count * width)
        try values.withUnsafeMutableBufferPointer { buffer in
            guard let shared = buffer.baseAddress.map(Parallel.Shared.init) else { return }
            try Parallel.forEach(
                count: count, threads: Parallel.threadCount(options.threadCount), grain: 1,
                state: { Accumulator(options) }
            ) { accumulator, run in
                body(&accumulator, run, shared.base + run * width)
                progress?.advance()
            }
        }
        return values
    }

    static func column(_ index: Int, of values: [Double], width: Int) -> [Double] {
        stride(from: index, to: values.count, by: width).map { values[$0] }
    }

    /// The interval of `level` around a value.
    ///
    /// The draws are shifted so that their median is the value. Unshifted, they are too high: a draw contains only
    /// about two thirds of the images, and the highest precision to the right of a recall, as the maximum of a varying
    /// quantity, is larger over fewer images.
    static func interval(_ value: Double, _ draws: [Double], level: Double) -> (low: Double, high: Double) {
        let sorted = draws.filter { !$0.isNaN }.sorted()
        let median = quantile(0.5, sorted)
        return (
            value + (quantile((1 - level) / 2, sorted) - median),
            value + (quantile((1 + level) / 2, sorted) - median)
        )
    }

    /// A quantile of sorted values, interpolated.
    static func quantile(_ share: Double, _ sorted: [Double]) -> Double {
        guard let last = sorted.last else { return .nan }
        let place = share * Double(sorted.count - 1)
        let index = Int(place)
        guard index + 1 < sorted.count else { return last }
        return sorted[index] + (sorted[index + 1] - sorted[index]) * (place - Double(index))
    }
}

/// AP, AP50 and AP75 of several sets of classes.
struct PartMeans: Sendable {
    /// The part and figure of every value.
    let labels: [(part: String, figure: String)]
    private let parts: [Evaluation.Part]
    private let classCount: Int
    private let options: EvaluationOptions
    /// The threshold indices of each figure.
    private let thresholds: [[Int]]

    var width: Int { labels.count }

    init(_ evaluation: Evaluation, _ parts: [Evaluation.Part]) {
        self.parts = parts
        options = evaluation.options
        classCount = evaluation.classCount
        let all = Array(options.iouThresholds.indices)
        func only(_ value: Double) -> [Int] {
            all.filter { abs(evaluation.options.iouThresholds[$0] - value) < 1e-9 }
        }
        let figures = [("AP", all), ("AP50", only(0.5)), ("AP75", only(0.75))].filter { !$0.1.isEmpty }
        thresholds = figures.map(\.1)
        labels = parts.flatMap { part in figures.map { (part.name, $0.0) } }
    }

    /// Fills `values`; NaN if no class of a set has objects.
    ///
    /// - Parameter add: Adds the detections of a class and returns the number of its objects.
    func fill(
        _ values: UnsafeMutablePointer<Double>, _ accumulator: inout Accumulator,
        _ add: (inout Accumulator, Int) -> Int
    ) {
        let (count, recalls) = (options.iouThresholds.count, Double(options.recallThresholds.count))
        var precisions = [Double](repeating: .nan, count: classCount * count)
        for category in 0..<classCount {
            accumulator.reset()
            let objects = add(&accumulator, category)
            guard objects > 0 else { continue }
            for threshold in 0..<count {
                var sum = 0.0
                accumulator.sample(threshold, objects: objects) { _, precision, _ in sum += precision }
                precisions[category * count + threshold] = sum / recalls
            }
        }
        var index = 0
        for part in parts {
            for selected in thresholds {
                var (sum, terms) = (0.0, 0)
                for category in part.classes where !precisions[category * count].isNaN {
                    for threshold in selected { sum += precisions[category * count + threshold] }
                    terms += selected.count
                }
                values[index] = terms == 0 ? .nan : sum / Double(terms)
                index += 1
            }
        }
    }
}

/// The detections of one class in two result files, by descending score.
struct MergedClass: Sendable {
    private(set) var scores: [Double] = []
    private(set) var images: [Int32] = []
    private(set) var outcomes: [MatchTable.Outcome] = []
    private(set) var isSecond: [Bool] = []
    let objectCount: Int

    init(_ first: Ranking.Class, _ second: Ranking.Class) {
        objectCount = first.truthImages.count
        var (i, j) = (0, 0)
        while i < first.scores.count || j < second.scores.count {
            let takesFirst: Bool
            if i == first.scores.count {
                takesFirst = false
            } else if j == second.scores.count {
                takesFirst = true
            } else if first.scores[i] != second.scores[j] {
                takesFirst = first.scores[i] > second.scores[j]
            } else {
                takesFirst = first.images[i] <= second.images[j]
            }
            let source = takesFirst ? first : second
            let index = takesFirst ? i : j
            scores.append(source.scores[index])
            images.append(source.images[index])
            outcomes.append(source.outcomes[index])
            isSecond.append(!takesFirst)
            if takesFirst { i += 1 } else { j += 1 }
        }
    }
}

extension Accumulator {
    /// Adds the detections of a class, each as often as its image was drawn.
    ///
    /// - Returns: The number of objects, counted the same way.
    mutating func add(_ ranked: Ranking.Class, weights: [Int32]?) -> Int {
        guard let weights else {
            for index in ranked.scores.indices { add(ranked.outcomes[index], score: ranked.scores[index]) }
            return ranked.truthImages.count
        }
        for index in ranked.scores.indices {
            let weight = Int(weights[Int(ranked.images[index])])
            if weight > 0 { add(ranked.outcomes[index], score: ranked.scores[index], weight: weight) }
        }
        var objects = 0
        for image in ranked.truthImages { objects += Int(weights[Int(image)]) }
        return objects
    }

    /// Adds the detections of one of two files, after the files have been swapped in the images of `swapped`.
    ///
    /// - Returns: The number of objects.
    mutating func add(_ merged: MergedClass, swapped: [Bool], second: Bool) -> Int {
        for index in merged.scores.indices
        where (merged.isSecond[index] != swapped[Int(merged.images[index])]) == second {
            add(merged.outcomes[index], score: merged.scores[index])
        }
        return merged.objectCount
    }
}
