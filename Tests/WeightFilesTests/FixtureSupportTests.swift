import FixtureSupport
import Testing

@Suite struct FixtureSupportTests {
    @Test func comparisonFollowsTheRule() {
        let tolerance = Tolerance(abs: 0.1, rel: 0.01)
        #expect(Comparison.difference("t", [100.9, 0.05], [100, 0], shape: [2], tolerance) == nil)
        let text = Comparison.difference("t", [0, 102, 0, 500], [0, 100, 0, 100], shape: [2, 2], tolerance)
        #expect(text?.contains("2 of 4") == true)
        #expect(text?.contains("first at [0, 1]: 102.0") == true)
        #expect(text?.contains("worst at [1, 1]: 500.0") == true)
        #expect(Comparison.difference("t", [.nan], [1], shape: [1], tolerance) != nil)
        #expect(Comparison.difference("t", [1], [.nan], shape: [1], tolerance) != nil)
        #expect(
            Comparison.difference("t", [.nan, .infinity], [.nan, .infinity], shape: [2], tolerance) == nil)
        #expect(Comparison.difference("t", [-.infinity], [.infinity], shape: [1], tolerance) != nil)
    }

    @Test func integersAreExactButForTheAllowedFraction() {
        let (a, b): ([Int64], [Int64]) = ([1, 2, 3, 4], [1, 2, 3, 5])
        #expect(Comparison.difference("t", a, b, shape: [4])?.contains("first at [3]: 4, recorded 5") == true)
        #expect(Comparison.difference("t", a, b, shape: [4], mismatch: 0.25) == nil)
    }

    @Test func aMissingGroupIsAnError() {
        #expect(throws: FixtureError.self) { try Fixtures.cases("no-such-group") }
    }
}
