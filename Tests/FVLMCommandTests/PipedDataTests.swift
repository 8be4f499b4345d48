import FixtureSupport
import Foundation
import Testing

/// Data sets and lists come through a pipe, as of a shell's process substitution.
@Suite struct PipedDataTests {
    private let folder: TemporaryFolder
    private let truth: String

    init() throws {
        folder = try TemporaryFolder()
        let fixture = Fixtures.folder("coco").appending(path: "eval-1")
        truth = String(decoding: try Data(contentsOf: fixture.appending(path: "gt.json")), as: UTF8.self)
        try folder.write(truth, "truth.json")
        let results = try FileManager.default.contentsOfDirectory(atPath: fixture.path)
            .first { $0.hasPrefix("dt") && $0.hasSuffix(".json") }
        try folder.write(
            [UInt8](Data(contentsOf: fixture.appending(path: try #require(results)))), "results.json")
    }

    @Test(arguments: [
        "check-dataset FILE", "score -g FILE -d results.json",
        "split filter FILE --category-id 1 -o out.json",
        "split subsample FILE --count 1 -o out.json", "split merge FILE -o out.json",
        "split lvis-to-coco FILE -o out.json", "split to-yolo --train FILE -o yolo",
    ]) func annotations(_ line: String) throws {
        try compare(truth, line, file: "truth.json")
    }

    @Test func results() throws {
        let text = String(decoding: folder.bytes("results.json"), as: UTF8.self)
        try compare(text, "score -g truth.json -d FILE", file: "results.json")
        try compare(text, "score -g truth.json -d results.json --compare FILE", file: "results.json")
    }

    @Test("A21: lists of categories") func listsOfCategories() throws {
        let name = try #require(truth.firstMatch(of: /"name": ?"([^"]*)"/)).1
        try folder.write("\(name)\r\n", "names.txt")
        try compare(
            "\(name)\r\n", "split filter truth.json --categories-file FILE -o out.json", file: "names.txt")
    }

    /// The command gives the same with its file and with a pipe of the same contents.
    private func compare(_ text: String, _ line: String, file: String) throws {
        func run(_ path: String, _ input: String?) throws -> (Int32, String, [UInt8]) {
            for name in ["out.json", "yolo"] {
                try? FileManager.default.removeItem(atPath: folder.file(name))
            }
            let words = line.split(separator: " ").map { $0 == "FILE" ? path : String($0) }
            let run = try Program(words, input: input, in: folder.path)
            // Names of files are in what is said.
            let output = run.output.replacing(path, with: "FILE")
            return (run.status, output, folder.bytes("out.json") + folder.bytes("yolo/data.yaml"))
        }
        let (named, piped) = (try run(file, nil), try run("/dev/stdin", text))
        #expect(named.0 == piped.0 && [0, 65].contains(named.0) && named.1 == piped.1 && named.2 == piped.2)
        #expect(!(named.1.isEmpty && named.2.isEmpty))
    }
}
