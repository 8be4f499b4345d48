import FixtureSupport
import Testing

@testable import FVLMCommand

/// Who mistypes an option is told so, not that something is missing.
@Suite struct MistypedOptionTests {
    @Test func whatIsMissingIsSaidWhenNothingIsMistyped() throws {
        let run = try Program(["score", "--ground-truth", "a"])
        #expect(run.status == 64 && run.errors.contains("Missing expected argument '--detections"))
        #expect(MistypedOption(in: ["score", "--ground-truth", "a", "--", "--b"], of: FVLMTool.self) == nil)
        #expect(
            MistypedOption(in: ["score", "--detection", "a"], of: FVLMTool.self)?.message.contains(
                "--detections")
                == true)
    }
}
