import Analysis
import COCO
import Foundation
import Testing

/// Maps of scores, thresholds, and suggestions.
@Suite struct ScoreMapTests {
    private typealias Outcome = ScoreMap.Outcome

    private func outcomes(_ pairs: [(Double, Bool)]) -> [Outcome] {
        pairs.map { Outcome(score: $0.0, isRight: $0.1) }
    }

    /// Twice as many detections at each score as are right with the wanted share.
    private func sample(_ scores: [Double], _ count: Int, _ share: (Double) -> Double) -> [Outcome] {
        scores.flatMap { score in
            (0..<count).map {
                Outcome(score: score, isRight: Double($0) < (share(score) * Double(count)).rounded())
            }
        }
    }

    /// Log-odds that are a straight line of log-odds come back.
    @Test func plattFindsTheLine() throws {
        func truth(_ score: Double) -> Double { 1 / (1 + exp(-(0.7 * log(score / (1 - score)) - 1.2))) }
        let scores = (1...39).map { Double($0) / 40 }
        let map = try ScoreMap(.platt, fitting: sample(scores, 2_000, truth))
        guard case .platt(let slope, let intercept) = map else { return #expect(Bool(false)) }
        #expect(abs(slope - 0.7) < 0.01 && abs(intercept + 1.2) < 0.02)
        for score in scores { #expect(abs(map(score) - truth(score)) < 0.005) }
        #expect(map(0) < 0.01 && map(1) > 0.99)
    }

    /// Separable outcomes, and one kind alone, have a fit; scores that say nothing keep their order.
    @Test func plattAlwaysRises() throws {
        for pairs in [
            [(0.1, false), (0.2, false), (0.8, true)], [(0.4, true)], [(0.3, false), (0.6, false)],
            [(0.2, true), (0.9, false)],
        ] {
            let map = try ScoreMap(.platt, fitting: outcomes(pairs))
            #expect(map(0.9) > map(0.1) && map(0.1) > 0 && map(0.9) < 1)
        }
        #expect(throws: COCOError.self) { try ScoreMap(.platt, fitting: []) }
        #expect(throws: COCOError.self) { try ScoreMap(.platt, fitting: outcomes([(1.5, true)])) }
        #expect(throws: COCOError.self) { try ScoreMap(.isotonic, fitting: outcomes([(.nan, true)])) }
    }

    /// Worked out by hand: 0.2 and 0.3 are pooled, and so are both detections at 0.5.
    @Test func isotonicPoolsViolators() throws {
        let map = try ScoreMap(
            .isotonic,
            fitting: outcomes([
                (0.1, false), (0.2, true), (0.3, false), (0.5, false), (0.5, true), (0.5, true), (0.9, true),
            ]))
        #expect(
            map
                == .isotonic(
                    scores: [0.1, 0.2, 0.3, 0.5, 0.9], values: [0, 0.5, 0.5, 2.0 / 3, 1]))
        #expect(map(0) == 0 && map(0.25) == 0.5 && map(1) == 1)
        #expect(abs(map(0.15) - 0.25) < 1e-12 && abs(map(0.7) - 5.0 / 6) < 1e-12)
        // Equal scores do not depend on their order.
        #expect(
            try ScoreMap(
                .isotonic,
                fitting: outcomes([(0.1, false), (0.1, true), (0.4, false), (0.4, true), (0.4, true)]))
                == .isotonic(scores: [0.1, 0.4], values: [0.5, 2.0 / 3]))
    }

    /// Against the definition: the least squares among rising sequences, by brute force over few levels.
    @Test func isotonicIsTheBestRisingFit() throws {
        var state: UInt64 = 7
        func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 33
        }
        for _ in 0..<20 {
            let sample = (0..<12).map { Outcome(score: Double($0 + 1) / 20, isRight: next() % 2 == 0) }
            let map = try ScoreMap(.isotonic, fitting: sample)
            // The minimax formula of isotonic regression.
            for place in sample.indices {
                var expected = 0.0
                for low in 0...place {
                    var least = Double.infinity
                    for high in place..<sample.count {
                        let right = sample[low...high].count { $0.isRight }
                        least = min(least, Double(right) / Double(high - low + 1))
                    }
                    expected = max(expected, least)
                }
                #expect(abs(map(sample[place].score) - expected) < 1e-12)
            }
        }
    }

    @Test func thresholds() throws {
        let some = outcomes([(0.9, true), (0.8, true), (0.7, false), (0.6, true), (0.3, false), (0.2, true)])
        // Of 5 objects: F1 is 2 TP / (kept + 5): 2/6, 4/7, 4/8, 6/9, 6/10, 8/11.
        let f1 = try #require(ThresholdCriterion.fBeta(1).best(of: some, objectCount: 5))
        #expect(f1.threshold == 0.2 && abs(f1.recall - 0.8) < 1e-12 && abs(f1.precision - 4.0 / 6) < 1e-12)
        // Precision counts more.
        #expect(ThresholdCriterion.fBeta(0.5).best(of: some, objectCount: 5)?.threshold == 0.8)
        #expect(ThresholdCriterion.precision(0.7).best(of: some, objectCount: 5)?.threshold == 0.6)
        #expect(ThresholdCriterion.precision(1).best(of: some, objectCount: 5)?.threshold == 0.8)
        #expect(ThresholdCriterion.precision(0.7).best(of: outcomes([(0.5, false)]), objectCount: 1) == nil)
        #expect(ThresholdCriterion.fBeta(1).best(of: [Outcome](), objectCount: 1) == nil)
    }

    /// Two heaps of scores are parted between them; one score alone has no suggestion.
    @Test func suggestions() throws {
        let low = (1...50).map { 0.01 + Double($0) * 0.001 }
        let high = (1...10).map { 0.7 + Double($0) * 0.01 }
        let both = try #require(SuggestedThreshold(low + high))
        #expect(abs(both.score - 0.71) < 1e-12 && both.keptCount == 10)
        #expect(both.count == 60 && both.separation > 0.9)
        #expect(SuggestedThreshold([0.5, 0.5]) == nil && SuggestedThreshold([]) == nil)
        #expect(SuggestedThreshold([0.1, 0.9, .nan, 7])?.count == 2)
    }
}
