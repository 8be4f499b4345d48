import CLIP
import FixtureSupport
import Testing
import WeightFiles

/// CLIP against transformers and open_clip, over every recorded case. Each aspect is a file of its own; which
/// aspects a case has follows from its tensors and files.
@Suite struct CLIPParity {
    @Test(arguments: try Fixtures.cases("clip"))
    func recordedCase(_ recorded: FixtureCase) throws {
        var aspects = 0
        if recorded.optionalExpectation("items") != nil {
            try compareTokenizer(recorded)
            aspects += 1
        }
        if recorded.has("out.input_ids") {
            try compareTexts(recorded)
            aspects += 1
        }
        if recorded.has("out.pixel_values") {
            try comparePreprocessing(recorded)
            aspects += 1
        }
        if aspects == 0 { Issue.record("\(recorded) is of no known kind") }
    }
}

extension FixtureCase {
    /// A value of `expected`, nil when it has none of this name.
    func optionalExpectation(_ key: String) -> JSONValue? { try? expected[key] }
}
