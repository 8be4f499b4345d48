import Support

extension Evaluation {
    /// A named set of classes to average over.
    public struct Part: Sendable, Hashable {
        /// The name: `all`, `base`, `novel`.
        public var name: String

        /// The indices of the classes.
        public var classes: [Int]
    }

    /// All classes, and the evaluated classes of every split.
    public func parts(_ splits: [CategorySplit] = []) -> [Part] {
        [Part(name: "all", classes: Array(0..<classCount))]
            + splits.map { split in
                let ids = Set(split.categoryIDs)
                return Part(
                    name: split.name,
                    classes: (0..<classCount).filter {
                        classCount == categories.count && ids.contains(categories[$0].id)
                    })
            }
    }

    /// A figure with its confidence interval, the range expected on other images of the same kind.
    public struct Interval: Sendable, Hashable {
        /// The set of classes.
        public var part: String

        /// The figure: `AP`, `AP50`, `AP75`.
        public var figure: String

        /// The value on the original images; nil if there are no objects to find.
        public var value: Double?

        /// The lower end.
        public var low: Double

        /// The upper end.
        public var high: Double
    }

    /// Bootstrap confidence intervals: each resample draws as many images as there are, with replacement. The interval
    /// contains the middle draws, shifted so that their median is the value on the original images.
    ///
    /// - Parameters:
    ///   - parts: The sets of classes.
    ///   - resamples: The number of resamples.
    ///   - level: The share of the draws inside the interval.
    ///   - seed: Equal seeds give equal intervals for any number of threads.
    ///   - progress: Counts the finished resamples.
    /// - Throws: ``COCOError`` if there are no images, or for proposals.
    public func intervals(
        parts: [Part], resamples: Int = 1000, level: Double = 0.95, seed: UInt64 = 0,
        progress: ResamplingProgress? = nil
    ) throws -> [Interval] {
        try checkResampling(resamples, level)
        let means = PartMeans(self, parts)
        let draws = try Resampling.run(resamples, width: means.width, options, progress: progress) {
            accumulator, draw, values in
            let weights = Resampling.weights(imageCount, seed: seed, run: draw)
            means.fill(values, &accumulator) { $0.add(ranking.classes[$1], weights: weights) }
        }
        let actual = try Resampling.run(1, width: means.width, options) { accumulator, _, values in
            means.fill(values, &accumulator) { $0.add(ranking.classes[$1], weights: nil) }
        }
        return means.labels.enumerated().map { index, label in
            let (low, high) = Resampling.interval(
                actual[index], Resampling.column(index, of: draws, width: means.width), level: level)
            return Interval(
                part: label.part, figure: label.figure, value: actual[index].isNaN ? nil : actual[index],
                low: low.isNaN ? low : max(0, low),
                high: high.isNaN ? high : min(1, high))
        }
    }

    /// The difference of a figure between two result files.
    public struct Difference: Sendable, Hashable {
        /// The set of classes.
        public var part: String

        /// The figure: `AP`, `AP50`, `AP75`.
        public var figure: String

        /// The value of the first file; nil if there are no objects to find.
        public var first: Double?

        /// The value of the second file.
        public var second: Double?

        /// The lower end of the interval of second - first.
        public var low: Double

        /// The upper end of the interval.
        public var high: Double

        /// The probability of a difference at least as large if the files are equally good.
        public var pValue: Double
    }

    /// Compares two result files over the same images.
    ///
    /// The interval comes from the bootstrap with the same draws for both. The p-value comes from the paired
    /// permutation test: for every image, chance decides which file counts as the first, and the p-value is the share
    /// of such assignments with a difference at least as large (two-sided, including the actual one).
    ///
    /// - Parameters: See ``intervals(parts:resamples:level:seed:)``.
    /// - Throws: ``COCOError`` if the two were not scored on the same objects with the same options.
    public static func compare(
        _ first: Evaluation, _ second: Evaluation, parts: [Part], resamples: Int = 1000, level: Double = 0.95,
        seed: UInt64 = 0, progress: ResamplingProgress? = nil
    ) throws -> [Difference] {
        try first.checkResampling(resamples, level)
        guard first.objectCounts == second.objectCounts, first.imageCount == second.imageCount,
            first.options.iouThresholds == second.options.iouThresholds,
            first.options.recallThresholds == second.options.recallThresholds
        else { throw COCOError("the two evaluations differ in their ground truth or options") }
        let (options, imageCount) = (first.options, first.imageCount)
        let means = PartMeans(first, parts)
        let width = means.width
        let actual = try Resampling.run(1, width: 2 * width, options) { accumulator, _, values in
            means.fill(values, &accumulator) { $0.add(first.ranking.classes[$1], weights: nil) }
            means.fill(values + width, &accumulator) { $0.add(second.ranking.classes[$1], weights: nil) }
        }
        let draws = try Resampling.run(resamples, width: 2 * width, options, progress: progress) {
            accumulator, draw, values in
            let weights = Resampling.weights(imageCount, seed: seed, run: draw)
            means.fill(values, &accumulator) { $0.add(first.ranking.classes[$1], weights: weights) }
            means.fill(values + width, &accumulator) { $0.add(second.ranking.classes[$1], weights: weights) }
        }
        let merged = zip(first.ranking.classes, second.ranking.classes).map(MergedClass.init)
        let swaps = try Resampling.run(resamples, width: 2 * width, options, progress: progress) {
            accumulator, draw, values in
            var generator = SplitMix64(seed: ~seed, run: draw)
            let swapped = (0..<imageCount).map { _ in generator.next() & 1 == 1 }
            means.fill(values, &accumulator) { $0.add(merged[$1], swapped: swapped, second: false) }
            means.fill(values + width, &accumulator) { $0.add(merged[$1], swapped: swapped, second: true) }
        }
        return means.labels.enumerated().map { index, label in
            func differences(_ values: [Double]) -> [Double] {
                zip(
                    Resampling.column(index, of: values, width: 2 * width),
                    Resampling.column(index + width, of: values, width: 2 * width)
                ).map { $1 - $0 }.filter { !$0.isNaN }
            }
            let change = actual[index + width] - actual[index]
            let (low, high) = Resampling.interval(change, differences(draws), level: level)
            let observed = abs(change)
            let swapped = differences(swaps)
            // Rounding can separate two sums of the same numbers.
            let atLeast = swapped.count { abs($0) >= observed - 1e-12 }
            return Difference(
                part: label.part, figure: label.figure, first: actual[index].isNaN ? nil : actual[index],
                second: actual[index + width].isNaN ? nil : actual[index + width],
                low: low, high: high,
                pValue: observed.isNaN ? .nan : Double(atLeast + 1) / Double(swapped.count + 1))
        }
    }

    private func checkResampling(_ resamples: Int, _ level: Double) throws {
        guard options.rules != .proposals else {
            throw COCOError("intervals need average precision, which proposals do not have")
        }
        guard resamples > 0, level > 0, level < 1 else {
            throw COCOError("at least one resample and a level between 0 and 1 are needed")
        }
        guard imageCount > 0 else { throw COCOError("there are no images to draw from") }
    }
}
