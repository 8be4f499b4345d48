import COCO
import FixtureSupport
import Foundation
import Testing

@Suite struct ConvertDatasetCommandTests {
    private static let fixtures = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Fixtures/formats")

    private func fixture(_ name: String) -> String { Self.fixtures.appending(path: name).path }

    private func run(_ arguments: String...) throws -> Program {
        try Program(["convert-dataset"] + arguments)
    }

    @Test func aFormIsFoundAndLossesAreCounted() throws {
        let folder = try TemporaryFolder()
        let run = try run(fixture("cvat-xml/annotations.xml"), folder.file("out.json"))
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output == "\(folder.file("out.json")): 5 images, 12 annotations, 4 categories\n")
        #expect(run.errors.contains("is read as CVAT for images (cvat)"))
        #expect(run.errors.contains("note: 1 polylines have no equivalent in COCO and are dropped"))
        let data = try Dataset(contentsOf: folder.file("out.json"))
        #expect(data.annotations.count == 12 && data.annotations[0].attributes?.contains("\"blue\"") == true)
    }

    /// A file that cannot be read is the reason, not that no format is known.
    @Test func whatCannotBeReadIsNamed() throws {
        let folder = try TemporaryFolder()
        try folder.write("", "set/notes.md")
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("set/a.json"), withDestinationPath: "gone.json")
        let out = folder.file("out.json")
        for arguments in [
            ["convert-dataset", folder.file("set"), out], ["check-dataset", folder.file("set")],
        ] {
            let run = try Program(arguments)
            #expect(
                run.status != 0 && run.errors.contains("a.json") && run.errors.contains("No such file"),
                "\(run.errors)")
        }
    }

    @Test func sizesAreReadFromPictures() throws {
        let folder = try TemporaryFolder()
        let run = try run(fixture("openimages-csv"), folder.file("out.json"), "--json")
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output.contains("\"images\":3"))
        let data = try Dataset(contentsOf: folder.file("out.json"))
        #expect(data.images.widths == [128, 158, 188])
    }

    @Test func aFolderIsMadeWithLinksToThePictures() throws {
        let folder = try TemporaryFolder()
        let run = try run(
            fixture("via/project.json"), folder.file("voc"), "--to", "voc", "--type", "segm", "--images",
            fixture("via/images"))
        #expect(run.status == 0, "\(run.errors)")
        #expect(
            folder.namesOf("voc") == [
                "Annotations", "ImageSets", "JPEGImages", "SegmentationClass", "SegmentationObject",
            ])
        #expect(folder.namesOf("voc/JPEGImages") == ["one.png", "three.png", "two words.jpg"])
        let again = try self.run(folder.file("voc"), folder.file("back.json"))
        #expect(again.status == 0, "\(again.errors)")
        #expect(try Dataset(contentsOf: folder.file("back.json")).annotations.count == 10)
    }

    @Test func inputsAreNotReplacedAndWrongUsesAreNamed() throws {
        let folder = try TemporaryFolder()
        let input = try folder.write("{\"images\": [], \"annotations\": [], \"categories\": []}", "a.json")
        let same = try run(input, input)
        #expect(same.status == 64 && same.errors.contains("choose another output"))
        let unnamed = try run(input, folder.file("b.txt"))
        #expect(unnamed.status == 64 && unnamed.errors.contains("--to says the format"))
        let unknown = try run(try folder.write("{\"a\": 1}", "c.json"), folder.file("d.json"))
        #expect(unknown.status == 65 && unknown.errors.contains("--from says which"))
        let results = try run(try folder.write("[{\"image_id\": 1}]", "e.json"), folder.file("d.json"))
        #expect(results.status == 65 && results.errors.contains("results"))
        let missing = try run(folder.file("none"), folder.file("d.json"))
        #expect(missing.status == 1)
        let full = try run(input, folder.path, "--to", "yolo")
        #expect(full.status == 1 && full.errors.contains("not empty"))
        let broken = try run(
            try folder.write("<annotations>\n<image name='a' width='x'/></annotations>", "f.xml"),
            folder.file("d.json"))
        #expect(broken.status == 65 && broken.errors.contains("f.xml:2:") && broken.errors.contains("\"x\""))
        #expect(!folder.names.contains("d.json"))
    }

    @Test func otherFormsAreChecked() throws {
        let run = try Program(["check-dataset", fixture("voc")])
        #expect(run.errors.contains("is read as Pascal VOC (voc)"), "\(run.errors)")
        #expect(run.output.contains("6 images"), "\(run.output)")
    }

    @Test func olderCommandsNameTheNewOne() throws {
        let folder = try TemporaryFolder()
        let input = try folder.write("{\"images\": [], \"annotations\": [], \"categories\": []}", "a.json")
        let run = try Program(["split", "to-yolo", "--train", input, "-o", folder.file("yolo")])
        #expect(run.status == 0 && run.errors.contains("fvlm convert-dataset"), "\(run.errors)")
    }

    /// Text in UTF-16 is called so, in every format, of a file and in a folder.
    @Test(
        "A25: UTF-16 is called so", arguments: ["a.json", "a.xml", "labels/a.json", "voc/Annotations/a.xml"])
    func otherEncodingsAreCalledByTheirName(_ name: String) throws {
        let folder = try TemporaryFolder()
        let text =
            name.hasSuffix("json")
            ? #"{"images": [], "annotations": [], "categories": []}"# : "<annotations></annotations>\n"
        try folder.write([UInt8](text.data(using: .utf16) ?? Data()), name)
        let input = String(name.prefix { $0 != "/" })
        let run = try Program(["convert-dataset", input, "o.json"], in: folder.path)
        #expect(run.status == 65 && run.errors.contains("UTF-16"), "\(run.errors)")
    }
}
