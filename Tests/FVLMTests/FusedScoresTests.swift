import FVLM
import Testing
import TorchFixtures

/// Scores in one pass, beside the definition with tensors.
@Suite(.serialized) struct FusedScoresTests {
    /// Logits as cosines give them, divided by a small temperature, and weights as base and novel classes have.
    private struct Problem {
        let (detector, vlm): (Tensor, Tensor)
        let settings: FusedScores.Settings

        init(rows: Int, classes: Int, threshold: Double, exponent: Double = 1, scale: Double = 100) throws {
            let generator = try Generator(seed: UInt64(classes))
            func numbers(upTo bound: Double) throws -> Tensor {
                let tensor = try Tensor.empty([rows, classes])
                try tensor.fillUniformInPlace(from: -bound, to: bound, generator: generator)
                return tensor
            }
            detector = try numbers(upTo: 0.3 * scale)
            vlm = try numbers(upTo: 0.2 * scale)
            let weights = (0..<classes).map { $0 == 0 ? 0 : $0 % 3 == 0 ? Float(0.35) : 0.65 }
            settings = .init(
                detectorWeights: weights.map { 1 - $0 }, vlmWeights: weights, firstClass: 1,
                threshold: threshold, exponent: exponent)
        }

        /// All scores by the definition, in `float64`, [R, K].
        func definition(_ factors: [Float]?, alone: Bool = false) throws -> [[Double]] {
            let (p, v) = (try detector.to(.float64).logSoftmax(-1), try vlm.to(.float64).logSoftmax(-1))
            let (w, u) = (
                try Tensor(settings.detectorWeights).to(.float64),
                try Tensor(settings.vlmWeights).to(.float64)
            )
            let fused = alone ? try p.softmax(-1) : try (p * w + v * u).softmax(-1)
            let factor = try Tensor(factors ?? [Float](repeating: 1, count: detector.shape[0])).to(.float64)
            let scores = try (fused.power(settings.exponent) * factor.unsqueezed(1)).array(of: Double.self)
            let classes = detector.shape[1]
            return stride(from: 0, to: scores.count, by: classes).map { Array(scores[$0..<$0 + classes]) }
        }
    }

    private func expect(
        _ found: FusedScores, _ definition: [[Double]], above threshold: Double,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        var got = [[Double?]](repeating: [], count: definition.count)
        for row in definition.indices { got[row] = [Double?](repeating: nil, count: definition[row].count) }
        var last = (row: Int32(-1), column: Int32(-1))
        for (number, row) in found.pairs.rows.enumerated() {
            let column = found.pairs.classes[number]
            #expect(last < (row, column), "pairs are in order", sourceLocation: sourceLocation)
            last = (row, column)
            got[Int(row)][Int(column)] = Double(found.pairs.scores[number])
        }
        for (row, scores) in definition.enumerated() {
            for (column, score) in scores.enumerated() {
                if let value = got[row][column] {
                    #expect(
                        column > 0 && value > threshold && abs(value - score) < 1e-6,
                        "row \(row), class \(column): \(value), not \(score)", sourceLocation: sourceLocation)
                } else {
                    #expect(
                        column == 0 || score < threshold + 1e-6,
                        "row \(row), class \(column) is missing: \(score)",
                        sourceLocation: sourceLocation)
                }
            }
        }
    }

    /// A region's scores are its own, whatever is scored beside it: tiles may be scored one by one and suppressed together.
    @Test func aRegionsScoresDoNotDependOnTheOthers() throws {
        let problem = try Problem(rows: 37, classes: 81, threshold: 0.001)
        let factors = (0..<37).map { 0.2 + 0.02 * Float($0) }
        func scores(_ range: Range<Int>) throws -> FusedScores {
            try FusedScores(
                detectorLogits: problem.detector[range], vlmLogits: problem.vlm[range],
                settings: problem.settings, factors: Array(factors[range]))
        }
        let together = try scores(0..<37).pairs
        var (rows, classes, values): ([Int32], [Int32], [Float]) = ([], [], [])
        for range in [0..<1, 1..<20, 20..<37] {
            let part = try scores(range).pairs
            rows += part.rows.map { $0 + Int32(range.lowerBound) }
            classes += part.classes
            values += part.scores
        }
        #expect(together.rows.count > 37)
        #expect(rows == together.rows && classes == together.classes && values == together.scores)
    }

    /// Class counts around multiples of a vector's length, and of a block of a sum.
    @Test(arguments: [1, 2, 15, 16, 17, 81, 1023, 1024, 1025, 1203])
    func equalsTheDefinition(_ classes: Int) throws {
        for threshold in [-1, 0, 0.001, 0.05] {
            let problem = try Problem(rows: 7, classes: classes, threshold: threshold)
            let found = try FusedScores(
                detectorLogits: problem.detector, vlmLogits: problem.vlm, settings: problem.settings)
            try expect(found, problem.definition(nil), above: threshold)
            if threshold < 0 { #expect(found.pairs.scores.count == 7 * (classes - 1)) }
            let alone = try FusedScores(
                detectorLogits: problem.detector, vlmLogits: nil, settings: problem.settings)
            try expect(alone, problem.definition(nil, alone: true), above: threshold)
        }
    }

    /// Many names that all fit a little: sums of 20,000 numbers keep their digits.
    @Test func sumsOfManyClassesAreExact() throws {
        let problem = try Problem(rows: 3, classes: 20_001, threshold: 0, scale: 0.5)
        let found = try FusedScores(
            detectorLogits: problem.detector, vlmLogits: problem.vlm, settings: problem.settings)
        let definition = try problem.definition(nil)
        #expect(found.pairs.scores.count == 60_000)
        for (number, score) in found.pairs.scores.enumerated() {
            let exact = definition[Int(found.pairs.rows[number])][Int(found.pairs.classes[number])]
            #expect(abs(Double(score) - exact) < 2e-6 * exact)
        }
    }

    /// A power and a factor for each region: the objectness.
    @Test(arguments: [0, 0.3, 0.5, 1]) func factorsOfRegions(_ exponent: Double) throws {
        let factors: [Float] = [0, 1e-6, 0.2, 0.5, 0.9, 1]
        let problem = try Problem(rows: 6, classes: 37, threshold: 0.04, exponent: exponent)
        let found = try FusedScores(
            detectorLogits: problem.detector, vlmLogits: problem.vlm, settings: problem.settings,
            factors: factors)
        try expect(found, problem.definition(factors), above: 0.04)
    }

    /// The probability of a pair needs only its logit and what its row has in common.
    @Test func probabilitiesOfSingleLogits() throws {
        let problem = try Problem(rows: 4, classes: 33, threshold: 0)
        let found = try FusedScores(
            detectorLogits: problem.detector, vlmLogits: problem.vlm, settings: problem.settings)
        for (logits, sums) in [(problem.detector, found.detectorSums), (problem.vlm, found.vlmSums)] {
            let (numbers, wanted) = (
                try logits.array(of: Float.self), try logits.softmax(-1).array(of: Float.self)
            )
            for place in numbers.indices {
                #expect(abs(sums[place / 33].probability(of: numbers[place]) - wanted[place]) < 1e-6)
            }
        }
    }

    @Test func threadsChangeNothing() throws {
        let problem = try Problem(rows: 50, classes: 201, threshold: 0.001)
        let results = try [1, 2, 5].map { threads in
            try withThreads(threads) {
                try FusedScores(
                    detectorLogits: problem.detector, vlmLogits: problem.vlm, settings: problem.settings
                ).pairs
            }
        }
        #expect(results.allSatisfy { $0 == results[0] } && !results[0].rows.isEmpty)
    }

    /// A weight of zero leaves out even a class that a classifier rules out.
    @Test func minusInfinity() throws {
        let logits = try Tensor([[Float(1), -.infinity, 0]])
        func scores(_ weight: Float) throws -> [Float] {
            let weights = [Float](repeating: weight, count: 3)
            return try FusedScores(
                detectorLogits: Tensor([[Float(0), 1, 2]]), vlmLogits: logits,
                settings: .init(
                    detectorWeights: weights.map { 1 - $0 }, vlmWeights: weights, threshold: -1)
            ).pairs.scores
        }
        let detector = try Tensor([[Float(0), 1, 2]]).softmax(-1).array(of: Float.self)
        for (got, wanted) in try zip(scores(0), detector) { #expect(abs(got - wanted) < 1e-6) }
        #expect(try scores(0.5)[1] == 0)
    }

    @Test func nonsenseIsRefused() throws {
        func fuse(_ detector: Tensor, _ vlm: Tensor?, weights: Int = 2, factors: [Float]? = nil) throws {
            _ = try FusedScores(
                detectorLogits: detector, vlmLogits: vlm,
                settings: .init(
                    detectorWeights: [Float](repeating: 0.5, count: weights),
                    vlmWeights: [Float](repeating: 0.5, count: weights), threshold: 0), factors: factors)
        }
        try fuse(.zeros([0, 2]), nil)
        let logits = try Tensor.zeros([1, 2])
        try fuse(logits, logits, factors: [1])
        #expect(throws: DetectionError.self) { try fuse(.zeros([2]), nil) }
        #expect(throws: DetectionError.self) { try fuse(.zeros([1, 0]), nil, weights: 0) }
        #expect(throws: DetectionError.self) { try fuse(logits, .zeros([2, 2])) }
        #expect(throws: DetectionError.self) { try fuse(logits, logits, weights: 3) }
        #expect(throws: DetectionError.self) { try fuse(logits, logits, factors: [1, 1]) }
        // What overflows is no detection and no silence.
        for bad in [Float.nan, .infinity] {
            let spoilt = try Tensor([[bad, 0]])
            #expect(throws: DetectionError.self) { try fuse(spoilt, logits) }
            #expect(throws: DetectionError.self) { try fuse(logits, spoilt) }
            #expect(throws: DetectionError.self) { try fuse(spoilt, nil) }
        }
        #expect(throws: DetectionError.self) { try fuse(logits, logits, factors: [.nan]) }
    }
}
