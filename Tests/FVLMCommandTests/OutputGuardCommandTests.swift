import FixtureSupport
import Foundation
import Testing

/// No command writes over what it reads, by whatever path the file is named.
@Suite struct OutputGuardCommandTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        let truth = Fixtures.folder("coco").appending(path: "eval-1/gt.json")
        try folder.write([UInt8](Data(contentsOf: truth)), "a.json")
        try folder.write("dog\n", "names.txt")
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("link.json"), withDestinationPath: folder.file("a.json"))
        try FileManager.default.linkItem(atPath: folder.file("a.json"), toPath: folder.file("hard.json"))
    }

    @Test(arguments: [
        "split merge a.json -o a.json", "split merge a.json -o ./a.json", "split merge a.json -o link.json",
        "split merge link.json -o hard.json", "split filter a.json --category-id 1 -o a.json",
        "split filter a.json --categories-file names.txt -o names.txt",
        "split subsample a.json --images 1 -o a.json",
        "split subsample a.json --images 1 -o b.json --rest link.json",
        "split lvis-to-coco a.json -o hard.json", "split from-yolo names.txt --like a.json -o a.json",
    ]) func anOutputThatIsAnInputIsRefused(_ line: String) throws {
        let (before, names) = (folder.bytes("a.json"), folder.bytes("names.txt"))
        let run = try Program(line.split(separator: " ").map(String.init), in: folder.file(""))
        #expect(run.status == 64 && run.errors.contains("choose another output"), "\(run.errors)")
        #expect(folder.bytes("a.json") == before && folder.bytes("names.txt") == names)
        #expect(!folder.names.contains("b.json"))
    }

    @Test func anotherFileIsReplaced() throws {
        try folder.write("{}", "b.json")
        let run = try Program(["split", "merge", folder.file("a.json"), "-o", folder.file("b.json")])
        #expect(run.status == 0 && folder.bytes("b.json").count > 2, "\(run.errors)")
    }
}
