import Support
import Testing

@Suite struct ReportedErrorTests {
    private struct Fault: ReportedError {
        var subject = "a.txt"
        let reason = "is empty"
        var advice: String?
    }

    @Test func oneLineSaysWhatWhyAndWhatHelps() {
        #expect(Fault().description == "a.txt: is empty")
        #expect(Fault(advice: "write a line").description == "a.txt: is empty; write a line")
        #expect(Fault(subject: "").description == "is empty")
    }

    @Test func theStatusIsThatOfTheKind() throws {
        #expect(Fault().exitStatus == .badData)
        let refused = #expect(throws: FileFailure.self) { try AtomicFile.write([], to: "/nowhere/a") }
        #expect(refused?.exitStatus == .failure)
        #expect(refused?.subject == "/nowhere/a")
    }
}
