import FixtureSupport
import Foundation
import Support
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
        "split subsample a.json --count 1 -o a.json",
        "split subsample a.json --count 1 -o b.json --rest link.json",
        "split lvis-to-coco a.json -o hard.json", "split from-yolo names.txt --like a.json -o a.json",
    ]) func anOutputThatIsAnInputIsRefused(_ line: String) throws {
        let (before, names) = (folder.bytes("a.json"), folder.bytes("names.txt"))
        let run = try Program(line.split(separator: " ").map(String.init), in: folder.file(""))
        #expect(run.status == 64 && run.errors.contains("choose another output"), "\(run.errors)")
        #expect(folder.bytes("a.json") == before && folder.bytes("names.txt") == names)
        #expect(!folder.names.contains("b.json"))
    }

    /// One path for two outputs, although nothing is there yet; a picture of the data set as an output.
    @Test(arguments: [
        ("split subsample a.json --count 1 -o b.json --rest ./b.json", "is the path of two outputs"),
        ("convert-dataset pic.json a.png --to coco", "choose another output"),
        ("convert-dataset pic.json pics/b.png --to cvat --images pics", "choose another output"),
        ("convert-dataset yolo yolo/labels/a.txt --to coco", "choose another output"),
        ("convert-dataset yolo/data.yaml ./yolo/labels/a.txt --to coco", "choose another output"),
        ("convert-dataset voc ./voc/Annotations/a.xml --to cvat", "choose another output"),
    ]) func outputsThatReplaceAnother(_ line: String, _ reason: String) throws {
        for name in ["a.png", "pics/a.png", "pics/b.png"] { try folder.write(SmallPictures.png(), name) }
        try folder.write(
            #"{"images": [{"id": 1, "file_name": "a.png", "width": 4, "height": 3}, "#
                + #"{"id": 2, "file_name": "b.png", "width": 4, "height": 3}], "annotations": [], "categories": []}"#,
            "pic.json")
        try folder.write("train: images\nnames: [dog]\n", "yolo/data.yaml")
        try folder.write(SmallPictures.png(), "yolo/images/a.png")
        try folder.write("0 .5 .5 .2 .2\n", "yolo/labels/a.txt")
        try folder.write("<annotation></annotation>", "voc/Annotations/a.xml")
        let before = (
            folder.names, folder.bytes("a.png"), folder.bytes("pics/b.png"),
            folder.bytes("yolo/labels/a.txt"),
            folder.bytes("voc/Annotations/a.xml")
        )
        let run = try Program(line.split(separator: " ").map(String.init), in: folder.path)
        #expect(run.status == 64 && run.errors.contains(reason), "\(run.status) \(run.errors)")
        #expect(
            (
                folder.names, folder.bytes("a.png"), folder.bytes("pics/b.png"),
                folder.bytes("yolo/labels/a.txt"), folder.bytes("voc/Annotations/a.xml")
            ) == before)
    }

    /// What a data set of YOLO is read from is not replaced: its description, its lists, pictures and labels; nor is the
    /// data set that one is written from.
    @Test(arguments: [
        "yolo/data.yaml", "yolo/images/a.png", "yolo/labels/a.txt", "yolo/list.txt", "link.png",
    ])
    func filesOfYOLO(_ output: String) throws {
        try folder.write(SmallPictures.png(), "yolo/images/a.png")
        try folder.write("0 .5 .5 .2 .2\n", "yolo/labels/a.txt")
        try folder.write("./images/a.png\n", "yolo/list.txt")
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("link.png"), withDestinationPath: "yolo/images/a.png")
        try folder.write("train: list.txt\nnames: [dog]\n", "yolo/data.yaml")
        let before = folder.bytes(output)
        let run = try Program(
            ["split", "from-yolo", "yolo/data.yaml", "-o", output], in: folder.path)
        #expect(run.status == 64 && run.errors.contains("choose another output"), "\(run.errors)")
        #expect(folder.bytes(output) == before)
        for output in ["a.json", "yolo", "yolo/images"] {
            let names = try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted()
            let run = try Program(
                ["split", "to-yolo", "--train", "a.json", "--train-images", "yolo/images", "-o", output],
                in: folder.path)
            #expect(run.status != 0 && run.errors.contains(output), "\(run.errors)")
            #expect(try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted() == names)
        }
    }

    /// Diagrams replace no input, and two runs do not write into one folder.
    @Test func diagrams() throws {
        let results = Fixtures.folder("coco").appending(path: "eval-1/dt.json").path
        let score = ["score", "-g", "a.json", "-d", results, "--plots", "plots"]
        let lock = try FolderLock(making: folder.file("plots"))
        let second = try Program(score, in: folder.path)
        #expect(
            second.status == 1 && second.errors.contains("plots: is in use by another run"),
            "\(second.errors)")
        #expect(folder.namesOf("plots") == [FolderLock.fileName])
        withExtendedLifetime(lock) {}
    }

    @Test func anotherFileIsReplaced() throws {
        try folder.write("{}", "b.json")
        let run = try Program(["split", "merge", folder.file("a.json"), "-o", folder.file("b.json")])
        #expect(run.status == 0 && folder.bytes("b.json").count > 2, "\(run.errors)")
    }
}
