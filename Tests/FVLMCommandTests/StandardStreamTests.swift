import FixtureSupport
import Testing

/// A stream that cannot be written changes nothing but what depends on it, and never ends the program by a signal.
@Suite struct StandardStreamTests {
    private static let truth = Fixtures.folder("coco").appending(path: "eval-1/gt.json").path
    private static let results = Fixtures.folder("coco").appending(path: "eval-1/dt.json").path

    @Test("A02: standard error is of no matter", arguments: [Program.Stream.full, .closed])
    func standardErrorIsOfNoMatter(_ stream: Program.Stream)
        throws
    {
        let missing = try Program(["score", "-g", "none.json", "-d", "none.json"], errors: stream)
        #expect(missing.status == 1)
        #expect(try Program(["score", "--frob"], errors: stream).status == 64)
        // The ground truth has annotations without a picture, of which a note tells.
        let whole = try Program(["score", "-g", Self.truth, "-d", Self.results])
        let deaf = try Program(["score", "-g", Self.truth, "-d", Self.results], errors: stream)
        #expect(deaf.status == 0 && deaf.output == whole.output && !deaf.output.isEmpty)
    }

    @Test(
        "A08, B17: standard output that cannot be written is said",
        arguments: [
            "score -g TRUTH -d RESULTS", "score -g TRUTH -d RESULTS --json", "check-dataset TRUTH",
            "split merge TRUTH -o -", "--help", "--version", "score --help", "doctor", "doctor --json",
        ]) func standardOutputThatCannotBeWrittenIsSaid(_ line: String) throws
    {
        let arguments = line.split(separator: " ").map {
            $0 == "TRUTH" ? Self.truth : $0 == "RESULTS" ? Self.results : String($0)
        }
        for (stream, reason) in [
            (Program.Stream.full, "No space left on device"), (.closed, "Bad file descriptor"),
        ] {
            let run = try Program(arguments, output: stream)
            #expect(run.status == 1, "\(line)")
            #expect(
                run.errors.hasSuffix("error: standard output: cannot be written: \(reason)\n"),
                "\(run.errors)")
        }
    }

    /// Who reads one line and goes away.
    @Test func aClosedPipeIsNoSignal() throws {
        let run = try Program(["--help"], output: .closed, errors: .closed)
        #expect(run.status == 1)
    }
}
