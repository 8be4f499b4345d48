import COCO
import Foundation
import Testing

@Suite struct PictureFolderTests {
    /// The location of a picture, where only the files of `files` exist below a new folder, by its path below that one.
    private func location(
        _ name: String, in folder: String, files: [String], isAddress: Bool = false
    ) throws -> String? {
        let root = FileManager.default.temporaryDirectory.appending(path: "pictures-\(UUID())")
        defer { try? FileManager.default.removeItem(at: root) }
        for file in files {
            let place = root.appending(path: file)
            try FileManager.default.createDirectory(
                at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data().write(to: place)
        }
        let path = name.replacing("ROOT", with: root.path)
        let record = ImageRecord(
            id: 1, width: 1, height: 1, fileName: isAddress ? "" : path, cocoURL: isAddress ? path : "")
        return PictureFolder(path: root.path + "/" + folder).location(of: record)?
            .replacing(root.path + "/", with: "")
    }

    @Test(
        "A14: names of files",
        arguments: [
            ("a.jpg", "p", ["p/a.jpg"], "p/a.jpg"), ("a.jpg", "p/", ["p/a.jpg"], "p/a.jpg"),
            ("./a.jpg", "p", ["p/a.jpg"], "p/a.jpg"), ("b//a.jpg", "p", ["p/b/a.jpg"], "p/b/a.jpg"),
            ("b\\a.jpg", "p", ["p/b/a.jpg"], "p/b/a.jpg"), ("b\\a.jpg", "p", ["p/b\\a.jpg"], "p/b\\a.jpg"),
            ("ROOT/q/a.jpg", "p", ["q/a.jpg"], "q/a.jpg"),
            ("../q/a.jpg", "p", ["q/a.jpg", "p/x"], "p/../q/a.jpg"),
            // The folder that the name begins with.
            ("train/a.jpg", "train", ["train/a.jpg"], "train/a.jpg"),
            ("data/train/a.jpg", "data/train", ["data/train/a.jpg"], "data/train/a.jpg"),
            ("train/a.jpg", "train", ["train/a.jpg", "train/train/a.jpg"], "train/train/a.jpg"),
            // Another folder of the name is not guessed.
            ("val/a.jpg", "train", ["train/a.jpg"], "train/val/a.jpg"),
            ("a.jpg", "p", [], "p/a.jpg"),
        ])
    func namesOfFiles(_ name: String, _ folder: String, _ files: [String], _ expected: String) throws {
        #expect(try location(name, in: folder, files: files) == expected)
    }

    @Test(
        "A14: addresses of LVIS",
        arguments: [
            ("val2017", ["val2017/1.jpg"], "val2017/1.jpg"),
            ("all", ["all/val2017/1.jpg"], "all/val2017/1.jpg"),
            ("mine", ["mine/1.jpg"], "mine/1.jpg"), ("mine", [], "mine/val2017/1.jpg"),
        ])
    func addressesOfLVIS(_ folder: String, _ files: [String], _ expected: String) throws {
        let address = "http://images.cocodataset.org/val2017/1.jpg"
        #expect(try location(address, in: folder, files: files, isAddress: true) == expected)
    }

    @Test func withoutAFolderNamesStartFromTheWorkingFolder() {
        let record = ImageRecord(id: 1, width: 1, height: 1, fileName: "./b/a.jpg")
        #expect(PictureFolder(path: "").location(of: record) == "b/a.jpg")
        #expect(PictureFolder(path: "p").location(of: ImageRecord(id: 1, width: 1, height: 1)) == nil)
    }
}
