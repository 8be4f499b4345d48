import Evaluation
import Testing

@Suite struct PrecisionRecallCurveTests {
    @Test func curvesAtTheBorders() {
        let none = PrecisionRecallCurve(name: "", scores: [], areCorrect: [], objectCount: 0)
        #expect(none.precision.allSatisfy { $0 == 1 } && none.recall.allSatisfy { $0 == 0 })
        let all = PrecisionRecallCurve(
            name: "", scores: [0, 1, 2, -1, .nan], areCorrect: [true, true, true, false, true],
            objectCount: 3,
            thresholdCount: 2)
        #expect(all.truePositives == [3, 2] && all.falsePositives == [1, 0] && all.recall == [1, 2.0 / 3])
    }
}
