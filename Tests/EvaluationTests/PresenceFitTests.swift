import COCO
import FVLM
import Foundation
import Testing

@testable import Evaluation

/// Fits of presences, and false alarms.
@Suite struct PresenceFitTests {
    private func samples(_ count: Int, _ law: (Double, Double) -> Double) -> [PresenceFit.Sample] {
        var state: UInt64 = 5
        func random() -> Double {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(state >> 40) / Double(1 << 24)
        }
        return (0..<count).map { _ in
            let (region, picture) = (0.01 + 0.98 * random(), -8 * random())
            let evidence = PresenceEvidence(region: Float(region), picture: Float(picture))
            return PresenceFit.Sample(
                evidence: evidence, isPresent: random() < 1 / (1 + exp(-law(evidence.regionLogit, picture))))
        }
    }

    /// The numbers of the law that samples were drawn from come back, and the sums that a best fit has agree.
    @Test func theLawComesBack() throws {
        let samples = samples(20_000) { 0.5 + 0.8 * $0 + 0.4 * $1 }
        let fit = try PresenceFit(samples)
        #expect(
            abs(fit.intercept - 0.5) < 0.1 && abs(fit.regions - 0.8) < 0.05 && abs(fit.picture - 0.4) < 0.05)
        let options = fit.applied(to: ScoringOptions())
        #expect(options.presenceWeight == 1)
        let expected = samples.reduce(0.0) { $0 + Double(options.presence($1.evidence)) }
        #expect(abs(expected - Double(samples.count(where: \.isPresent))) < 0.1)
    }

    /// Classes that are told apart without an error, and a number that is the same everywhere, as without CLIP's look.
    @Test func separableSamplesHaveAFit() throws {
        let samples = (0..<40).map { row in
            PresenceFit.Sample(
                evidence: PresenceEvidence(region: row < 20 ? 0.05 : 0.9, picture: 0), isPresent: row >= 20)
        }
        let fit = try PresenceFit(samples)
        #expect([fit.intercept, fit.regions, fit.picture].allSatisfy(\.isFinite) && fit.picture == 0)
        let options = fit.applied(to: ScoringOptions())
        #expect(options.presence(samples[0].evidence) < 0.05 && options.presence(samples[39].evidence) > 0.95)
        #expect(throws: EvaluationError.self) { try PresenceFit(Array(samples.prefix(20))) }
    }
}
