import Support

extension Evaluation {
    /// A named set of classes to average over.
    public struct Part: Sendable, Hashable {
        /// The name: `all`, `base`, `novel`.
        public var name: String

        /// The indices of the classes.
        public var classes: [Int]
    }

    /// All classes, and those of every split that took part.
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

    /// A figure with the range in which it would lie on other images of the same kind.
    public struct Interval: Sendable, Hashable {
        /// The set of classes.
        public var part: String

        /// The figure: `AP`, `AP50`, `AP75`.
        public var figure: String

        /// The value on the images as they are, nil where no object is to be found.
        public var value: Double?

        /// The lower end.
        public var low: Double

        /// The upper end.
        public var high: Double
    }

    /// Confidence intervals by the bootstrap: as many images as there are, drawn with replacement. The interval holds
    /// the middle draws, shifted so that their median is the value on the original images.
    ///
    /// - Parameters:
    ///   - parts: the sets of classes.
    ///   - resamples: how often images are drawn.
    ///   - level: the share of the draws inside the interval.
    ///   - seed: equal seeds give equal intervals, whatever the number of threads.
    ///   - progress: counts the draws.
    /// - Throws: ``COCOError`` when there is nothing to draw, or for proposals.
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

        /// The value of the first file, nil where no object is to be found.
        public var first: Double?

        /// The value of the second file.
        public var second: Double?

        /// The lower end of the interval of second - first.
        public var low: Double

        /// The upper end of the interval.
        public var high: Double

        /// How probable a difference at least as great is when the files are equally good.
        public var pValue: Double
    }

    /// Compares two result files over the same images.
    ///
    /// The interval is of the bootstrap with the same draws for both. The p-value is of the paired permutation
    /// test: for every image chance decides which file counts as the first, and the share of such assignments with
    /// a difference at least as great (two-sided, the actual one counted in) is the p-value.
    ///
    /// - Parameters: as for ``intervals(parts:resamples:level:seed:)``.
    /// - Throws: ``COCOError`` when the two were not scored on the same objects by the same options.
    public static func compare(
        _ first: Evaluation, _ second: Evaluation, parts: [Part], resamples: Int = 1000, level: Double = 0.95,
        seed: UInt64 = 0, progress: ResamplingProgress? = nil
    ) throws -> [Difference] {
        try first.checkResampling(resamples, level)
        guard first.objectCounts == second.objectCounts, first.imageCount == second.imageCount,
            first.options.iouThresholds == second.options.iouThresholds,
            first.options.recallThresholds == second.options.recallThresholds
        else { throw COCOError("the two evaluations are not of the same ground truth and options") }
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
            // Rounding may part two ways of adding up the same numbers.
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
            throw COCOError("intervals are of average precision, which proposals do not have")
        }
        guard resamples > 0, level > 0, level < 1 else {
            throw COCOError("at least one resample and a level between 0 and 1 are needed")
        }
        guard imageCount > 0 else { throw COCOError("there are no images to draw from") }
    }
}
