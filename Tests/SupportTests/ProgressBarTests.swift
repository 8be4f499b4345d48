import Testing

@testable import Support

@Suite struct ProgressBarTests {
    @Test func aLineFitsTheTerminal() {
        for columns in 1...120 {
            let line = ProgressBar.line("annotations and pictures", 40, 200, " files", columns: columns)
            #expect(line.count <= max(columns - 1, 1))
            #expect(ProgressBar.line("draws", 7, nil, "", columns: columns).count <= max(columns - 1, 1))
        }
        #expect(
            ProgressBar.line("frames", 30, 120, "", columns: 80)
                == "frames [######..................] 25 %  30/120")
        #expect(ProgressBar.line("frames", 30, 120, "", columns: 20) == "frames: 30/120")
        #expect(ProgressBar.line("frames", 30, 120, "", columns: nil) == "frames: 30/120")
    }

    @Test func theStyleIsReadFromWords() {
        #expect(MessageStyle(arguments: ["score", "--quiet"]).isQuiet)
        #expect(!MessageStyle(arguments: ["embed", "text", "--", "--quiet"]).isQuiet)
        #expect(MessageStyle(arguments: ["a", "--log-format", "json"]).format == .json)
        #expect(MessageStyle(arguments: ["a", "--log-format=json", "--verbose"]).format == .json)
        #expect(MessageStyle(arguments: ["a", "--log-format", "xml"]) == MessageStyle())
    }
}
