import FixtureSupport
import Foundation
import Testing

/// `--quiet`, `--verbose`, `--log-format json` and `fvlm help TOPIC`, in both programs.
@Suite struct MessageTests {
    private struct Message: Decodable {
        let time: String
        let level: String
        let message: String
    }

    private func messages(_ run: Program) throws -> [Message] {
        try run.errors.split(separator: "\n").map {
            try JSONDecoder().decode(Message.self, from: Data($0.utf8))
        }
    }

    @Test(arguments: [
        ["score", "--ground-truth", "a"], ["detect", "a.jpg", "--model", "none", "--classes", "a"],
        ["detect", "a.jpg", "--modle", "none"], ["inspect", "none"],
    ]) func faultsAreObjectsInJSON(_ arguments: [String]) throws {
        let plain = try Program(arguments)
        let run = try Program(arguments + ["--log-format", "json"])
        let found = try messages(run)
        #expect(run.status == plain.status && run.status != 0)
        #expect(found.count == 1 && found[0].level == "error", "\(run.errors)")
        #expect(try Date(found[0].time, strategy: .iso8601).timeIntervalSinceNow > -600)
        let text = found[0].message.split(separator: "\n")[0]
        #expect(plain.errors.contains(text), "\(text)")
    }

    @Test func quietLeavesOutNotesAndKeepsErrors() throws {
        let folder = try TemporaryFolder()
        let data = try SmallTraining(in: folder, steps: 1)
        let clip = SmallDetector.clip
        try SmallDetector.write(to: folder.file("model"))
        let words = [
            "detect", folder.file("train"), folder.file("none.jpg"), "--model", folder.file("model"),
            "--clip", clip,
            "--classes", "a, b", "--score-threshold", "0.9", "--json",
        ]
        let plain = try Program(words)
        let quiet = try Program(words + ["--quiet"])
        #expect(plain.errors.contains("note:"), "\(plain.errors)")
        #expect(!quiet.errors.contains("note:"), "\(quiet.errors)")
        #expect(plain.output == quiet.output && plain.status == quiet.status)
        let verbose = try Program(["inspect", folder.file("model"), "--verbose"])
        #expect(verbose.status == 0 && verbose.errors.contains("note: fvlm 0."), "\(verbose.errors)")
        #expect(verbose.errors.contains(" s"), "\(verbose.errors)")
        #expect(try Program(["inspect", "a", "--quiet", "--verbose"]).status == 64)
        _ = data
    }

    @Test func nothingIsColoredAndNoLineIsRedrawnInPipes() throws {
        let run = try Program(["--help"])
        #expect(!run.output.contains("\u{1B}"))
        let folder = try TemporaryFolder()
        try SmallDetector.write(to: folder.file("model"))
        let list = try Program(
            ["inspect", folder.file("model")], environment: ["NO_COLOR": "1", "TERM": "xterm"])
        #expect(!list.output.contains("\u{1B}") && !list.errors.contains("\u{1B}"))
    }

    @Test func topicsAreListedAndPrinted() throws {
        let list = try Program(["help", "topics"])
        let names = list.output.split(separator: "\n").dropFirst().filter { $0.hasPrefix("  ") }
            .compactMap { $0.split(separator: " ").first.map(String.init) }
        #expect(list.status == 0 && names.count >= 8 && names.contains("environment"))
        for name in names {
            let run = try Program(["help", name])
            #expect(run.status == 0 && run.output.count > 300, "\(name)")
            #expect(run.output.split(separator: "\n").allSatisfy { $0.count <= 110 }, "\(name)")
            let narrow = try Program(["help", name], environment: ["COLUMNS": "40"])
            let filled = narrow.output.split(separator: "\n").filter { !$0.hasPrefix(" ") }
            #expect(filled.allSatisfy { $0.count < 40 }, "\(name)")
        }
        #expect(try Program(["help", "detect"]).output.contains("USAGE: fvlm detect"))
        #expect(try Program(["help", "nonsense"]).output == Program(["help"]).output)
    }

    /// Every variable that the sources read is in the topic.
    @Test func theEnvironmentIsComplete() throws {
        let sources = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Sources")
        let text = try Program(["help", "environment"]).output
        let files = try #require(FileManager.default.enumerator(atPath: sources.path))
        var count = 0
        for case let name as String in files where name.hasSuffix(".swift") {
            let source = try String(contentsOf: sources.appending(path: name), encoding: .utf8)
            guard source.contains("environment") else { continue }
            for match in source.matches(of: /"((?:[A-Z]+_)+[A-Z]+)"/) {
                count += 1
                #expect(text.contains(match.output.1), "\(name): \(match.output.1)")
            }
        }
        #expect(count > 15)
    }
}
