import COCO
import DatasetFormats
import FixtureSupport
import Foundation
import Testing

@Suite struct SplitCommandTests {
    private static let fixtures = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Fixtures")
    private let lvis = Self.fixtures.appending(path: "lvis/eval-small/gt.json").path
    private let coco = Self.fixtures.appending(path: "coco/eval-1/gt.json").path

    /// A data set with COCO's 80 classes, an object of each in an image of its own.
    private func allClasses() throws -> Dataset {
        var data = Dataset()
        for (id, name) in OpenVocabularySplit.cocoNames.sorted(by: { $0.key < $1.key }) {
            data.categories.append(Category(id: id, name: name))
            data.images.append(ImageRecord(id: id, width: 50, height: 40, fileName: "\(id).jpg"))
            data.annotations.append(
                AnnotationRecord(
                    id: id, imageID: id, categoryID: id, box: BoundingBox(x: 1, y: 2, width: 10, height: 5),
                    area: 50)
            )
        }
        return data
    }

    private func run(_ arguments: String..., input: String? = nil) throws -> Program {
        try Program(["split"] + arguments, input: input)
    }

    private func read(_ text: String) throws -> Dataset {
        try Array(text.utf8).withUnsafeBytes { try Dataset(json: $0) }
    }

    private func text(_ data: Dataset) throws -> String { String(decoding: try data.json(), as: UTF8.self) }

    @Test func publishedSplitsAreFiltered() throws {
        let input = try text(try allClasses())
        for (part, count) in [("base", 48), ("novel", 17), ("all", 65)] {
            let run = try run("filter", "-", "--split", "ovd48-17", "--part", part, "-o", "-", input: input)
            #expect(run.status == 0)
            let data = try read(run.output)
            #expect(data.categories.count == count && data.annotations.count == count)
            #expect(data.images.count == 80)
            #expect(
                run.errors.contains(
                    "note: \(80 - count) annotations belong to other categories and are dropped"))
        }
        let rare = try read(
            try run("filter", lvis, "--split", "lvis-base-rare", "--part", "novel", "-o", "-").output)
        #expect(!rare.categories.isEmpty && rare.categories.allSatisfy { $0.frequency == .rare })
    }

    @Test func categoriesAreFilteredByListFileAndFrequency() throws {
        let folder = try TemporaryFolder()
        let input = try folder.write(try text(try allClasses()), "all.json")
        let names = try folder.write("dog\r\n\n  hot dog \n", "names.txt")
        let output = folder.path + "/out.json"
        let listed = try run(
            "filter", input, "--categories-file", names, "--category", "cat", "--category-id", "1",
            "--drop-empty-images", "-o", output)
        #expect(listed.status == 0 && listed.output == "\(output): 4 images, 4 annotations, 4 categories\n")
        #expect(
            try Dataset(contentsOf: output).categories.map(\.name) == ["person", "cat", "dog", "hot dog"])
        let others = try run("filter", input, "--category", "cat", "--exclude", "-o", "-")
        #expect(try read(others.output).categories.count == 79)
        let rare = try run("filter", input, "--frequency", "rare", "-o", "-")
        #expect(
            try read(rare.output).categories.count == 80 && rare.errors.contains("images of this file"))
        let stated = try run("filter", lvis, "--frequency", "common", "--frequency", "frequent", "-o", "-")
        #expect(try read(stated.output).categories.allSatisfy { $0.frequency != .rare })
        #expect(!stated.errors.contains("was computed"))
        let unknown = try run("filter", input, "--category", "unicorn", "-o", output)
        #expect(
            unknown.status == 65 && unknown.errors.contains("1 of 1 names match no category: \"unicorn\""))
        let empty = try run("filter", input, "--categories-file", folder.write(" \n", "e.txt"), "-o", output)
        #expect(empty.status == 65 && empty.errors.contains("contains no names"))
        #expect(try run("filter", input, "--category-id", "1000", "-o", output).status == 65)
    }

    @Test func unreadFieldsAreTold() throws {
        let run = try run(
            "filter", "-", "--category", "a", "-o", "-",
            input: #"{"images": [{"id": 1, "flickr_url": ""}], "categories": [{"id": 1, "name": "a"}]}"#)
        #expect(run.errors.contains(#"note: 1 images of - have the field "flickr_url", which is not kept"#))
    }

    @Test func samplesAndTheRest() throws {
        let folder = try TemporaryFolder()
        let (a, b) = (folder.path + "/a.json", folder.path + "/b.json")
        let run = try run(
            "subsample", coco, "--fraction", "0.5", "--seed", "4", "-o", a, "--rest", b, "--json")
        #expect(run.status == 0)
        let (sample, rest, whole) = (
            try Dataset(contentsOf: a), try Dataset(contentsOf: b), try Dataset(contentsOf: coco)
        )
        #expect(sample.images.count + rest.images.count == whole.images.count)
        #expect(run.output.contains(#""images":\#(sample.images.count),"path":"\#(a)""#), "\(run.output)")
        let again = try self.run("subsample", coco, "--fraction", "0.5", "--seed", "4", "-o", "-")
        #expect(again.output == (try text(sample)))
        #expect(try self.run("subsample", coco, "--count", "3", "--seed", "5", "-o", a).status == 0)
        #expect(try Dataset(contentsOf: a).images.count == 3)
        let many = try self.run("subsample", coco, "--count", "1000", "-o", a)
        #expect(many.status == 65 && many.errors.contains("1000 images are requested"))
    }

    @Test func partsMerge() throws {
        let folder = try TemporaryFolder()
        let (a, b, c) = (folder.path + "/a.json", folder.path + "/b.json", folder.path + "/c.json")
        _ = try run("subsample", coco, "--count", "4", "-o", a, "--rest", b)
        #expect(try run("merge", a, b, "-o", c).status == 0)
        let (merged, whole) = (try Dataset(contentsOf: c), try Dataset(contentsOf: coco))
        #expect(Set(merged.images.ids) == Set(whole.images.ids))
        #expect(Set(merged.annotations.ids) == Set(whole.annotations.ids))
        let conflict = try run("merge", coco, lvis, "-o", folder.path + "/d.json")
        #expect(conflict.status == 65 && conflict.errors.contains("--renumber"))
        #expect(conflict.errors.split(separator: "\n").count == 2)
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/d.json"))
        #expect(try run("merge", coco, lvis, "--renumber", "-o", folder.path + "/d.json").status == 0)
    }

    @Test func aFileThatIsNamedTwiceIsToldAboutOnce() throws {
        let folder = try TemporaryFolder()
        let file = try folder.write(
            #"{"images": [{"id": 1, "width": 5, "height": 5, "file_name": "a.jpg", "flickr_url": ""}], "#
                + #""categories": [{"id": 1, "name": "a"}]}"#,
            "a.json")
        let run = try run("merge", file, file, "-o", "-")
        let images = try read(run.output).images
        #expect(run.status == 0 && images.count == 1)
        #expect(run.errors.split(separator: "\n").count { $0.contains("flickr_url") } == 1, "\(run.errors)")
        #expect(run.errors.contains("note: 1 images have the file name of an earlier image"))
    }

    @Test func lvisBecomesCOCO() throws {
        let run = try run("lvis-to-coco", lvis, "-o", "-")
        #expect(run.status == 0 && run.errors.contains("neg_category_ids"))
        #expect(try !read(run.output).isFederated)
        #expect(!run.errors.contains("does not list absent classes"))
        let plain = try self.run("lvis-to-coco", coco, "-o", "-")
        #expect(plain.status == 0 && plain.errors.contains("does not list absent classes"), "\(plain.errors)")
        let none = try self.run("lvis-to-coco", lvis, "--categories", "coco", "-o", "-")
        #expect(try read(none.output).categories.isEmpty && none.errors.contains("80 categories of COCO"))
    }

    @Test func boxesGoToYOLOAndComeBack() throws {
        let folder = try TemporaryFolder()
        let data = try allClasses()
        let input = try folder.write(try text(data), "all.json")
        try folder.write("pixels", "pictures/1.jpg")
        let yolo = folder.path + "/yolo"
        let missing = try run(
            "to-yolo", "--val", input, "--val-images", folder.path + "/pictures", "-o", yolo)
        #expect(missing.status == 1 && missing.errors.contains("2.jpg: the picture does not exist"))
        // Nothing is left behind by what failed.
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == [
                "all.json", "pictures",
            ])
        for image in data.images.ids { try folder.write("pixels", "pictures/\(image).jpg") }
        let made = try run(
            "to-yolo", "--val", input, "--val-images", folder.path + "/pictures", "-o", yolo + "/")
        #expect(made.status == 0, "\(made.errors)")
        #expect(made.output == "\(yolo)/labels/val: 80 images, 80 annotations, 80 categories\n")
        #expect(try String(contentsOfFile: yolo + "/images/val/90.jpg", encoding: .utf8) == "pixels")
        #expect(
            try String(contentsOfFile: yolo + "/labels/val/90.txt", encoding: .utf8)
                == "79 0.12 0.1125 0.2 0.125\n")
        let back = try run("from-yolo", yolo, "--subset", "val", "--like", input, "-o", "-")
        #expect(back.status == 0, "\(back.errors)")
        let result = try read(back.output)
        #expect(result.categories == data.categories)
        #expect(
            result.images.ids == data.images.ids && result.annotations.imageIDs == data.annotations.imageIDs)
        #expect(result.annotations.categoryIDs == data.annotations.categoryIDs)
        #expect(
            result.annotations.boxes.allSatisfy {
                ($0.x - 1).magnitude < 1e-6 && ($0.width - 10).magnitude < 1e-6
            })
        // The same again does not overwrite.
        let second = try run("to-yolo", "--val", input, "-o", yolo)
        #expect(second.status == 1 && second.errors.contains("the folder is not empty"))
    }

    @Test func masksGoToYOLOAndComeBack() throws {
        let folder = try TemporaryFolder()
        let yolo = folder.path + "/yolo"
        #expect(try run("to-yolo", "--train", coco, "--type", "segm", "-o", yolo).status == 0)
        let back = try run("from-yolo", yolo + "/data.yaml", "--like", coco, "-o", "-")
        #expect(back.status == 0, "\(back.errors)")
        let (result, whole) = (try read(back.output), try Dataset(contentsOf: coco))
        let kept = (0..<whole.annotations.count).filter {
            whole.annotations.flags[$0].isDisjoint(with: [.isCrowd, .isIgnored])
        }
        #expect(result.annotations.count == kept.count)
        #expect(Set(result.annotations.categoryIDs) == Set(kept.map { whole.annotations.categoryIDs[$0] }))
    }

    @Test func descriptionsOfOthersAreRead() throws {
        let folder = try TemporaryFolder()
        let like = try folder.write(
            #"{"images": [{"id": 9, "width": 10, "height": 10, "file_name": "x.jpg"}], "categories": []}"#,
            "a.json")
        try folder.write("1 0.5 0.5 0.2 0.2\n", "data/set/train/labels/x.txt")
        try folder.write("", "data/set/train/labels/lost.txt")
        for (names, expected) in [("[a, 'b: c']", ["a", "b: c"]), ("{1: \"no\", 0: yes}", ["yes", "no"])] {
            let yaml = try folder.write(
                "path: set\ntrain: [train/images]\nval:\nnames: \(names)\nextra: {a: 1}\n", "data/data.yaml")
            let run = try run("from-yolo", yaml, "--like", like, "-o", "-")
            #expect(run.status == 0, "\(run.errors)")
            let result = try read(run.output)
            #expect(result.categories.map(\.name) == expected && result.categories.map(\.id) == [1, 2])
            #expect(result.annotations.categoryIDs == [2] && result.annotations.imageIDs == [9])
            #expect(run.errors.contains("note: 1 label files have no picture"))
        }
    }

    @Test func sizesAreReadFromPictures() throws {
        let folder = try TemporaryFolder()
        let yaml = try folder.write("train: images\nnames: [a]\n", "data.yaml")
        try folder.write("0 0.5 0.5 1 1\n", "labels/sub/b.txt")
        try folder.write("", "images/sub/b.jpg")
        let images = URL(filePath: folder.path).appending(path: "images")
        try SmallPictures.turnedJPEG().write(to: images.appending(path: "sub/b.jpg"))
        try SmallPictures.png().write(to: images.appending(path: "a.png"))
        let run = try run("from-yolo", yaml, "-o", "-")
        #expect(run.status == 0 && run.errors.contains("1 pictures have no label file"), "\(run.errors)")
        let data = try read(run.output)
        #expect(data.images.ids == [1, 2] && data.images.widths == [4, 3] && data.images.heights == [3, 4])
        #expect(
            data.annotations.imageIDs == [2]
                && data.annotations.boxes == [BoundingBox(x: 0, y: 0, width: 3, height: 4)])
        try folder.write("no picture", "images/c.jpg")
        let broken = try self.run("from-yolo", yaml, "-o", "-")
        #expect(broken.status == 65 && broken.errors.contains("c.jpg") && broken.output.isEmpty)
    }

    /// A folder of a data set in YOLO's form with a class `cat`.
    private func yolo(_ yaml: String, pictures: [String]) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try folder.write(yaml + "\nnames: [cat]\n", "data.yaml")
        for picture in pictures {
            try folder.write("", picture)
            try SmallPictures.png().write(to: URL(filePath: folder.path + "/" + picture))
            let label = YOLODescription.labelPath(ofPicture: picture)
            if !label.contains("/.") { try folder.write("0 .5 .5 .5 .5\n", label) }
        }
        return folder
    }

    private func names(_ folder: TemporaryFolder, subset: String = "train") throws -> (
        [String], errors: String
    ) {
        let run = try run("from-yolo", folder.path, "--subset", subset, "-o", "-")
        guard run.status == 0 else { return ([], run.errors) }
        let data = try read(run.output)
        #expect(data.annotations.count == data.images.count, "\(run.errors)")
        return ((0..<data.images.count).map { data.images[$0].fileName }, run.errors)
    }

    @Test("A07: several folders keep names apart") func severalFoldersKeepNamesApart() throws {
        let two = try yolo("train: [p1/images, p2/images]", pictures: ["p1/images/a.png", "p2/images/a.png"])
        let (found, errors) = try names(two)
        #expect(found == ["p1/images/a.png", "p2/images/a.png"], "\(errors)")
        #expect(errors.contains("relative to") && errors.contains("--images"))
        let same = try yolo("train: [images, ./images]", pictures: ["images/a.png"])
        #expect(try names(same).0 == ["a.png"])
        let inside = try yolo("train: [images, images/b]", pictures: ["images/a.png", "images/b/c.png"])
        #expect(try names(inside).0 == ["a.png", "b/c.png"])
        #expect(try names(inside).errors.contains("1 pictures are listed twice"))
    }

    @Test("A13: hidden files are passed over") func hiddenFilesArePassedOver() throws {
        let folder = try yolo(
            "train: images",
            pictures: ["images/a.png", "images/.ipynb_checkpoints/a-checkpoint.png", "images/._a.png"])
        let (found, errors) = try names(folder)
        #expect(found == ["a.png"], "\(errors)")
        #expect(errors.contains("2 hidden files are skipped"))
    }

    @Test(
        "A16: layouts of tools are read",
        arguments: [
            ("train: ../train/images", "train/images/a.png", "train", "a.png"),
            ("train: train", "train/images/a.png", "train", "images/a.png"),
            ("validation: images", "images/a.png", "val", "a.png"),
            ("valid: images", "images/a.png", "validation", "a.png"),
            ("path: nowhere\ntrain: images", "images/a.png", "train", "a.png"),
            ("train: beside", "beside/a.png", "train", "a.png"),
            ("train: images", "images/images/a.png", "train", "images/a.png"),
        ])
    func layoutsOfToolsAreRead(_ yaml: String, _ picture: String, _ subset: String, _ name: String) throws {
        let (found, errors) = try names(try yolo(yaml, pictures: [picture]), subset: subset)
        #expect(found == [name], "\(yaml): \(errors)")
    }

    @Test func listsOfPicturesAreRead() throws {
        let folder = try yolo(
            "train: train.txt", pictures: ["images/a.png", "images/b/c.png", "images/d.png"])
        try folder.write("\u{FEFF}./images/a.png\r\nimages/b/c.png\r\n\r\n", "train.txt")
        let (found, errors) = try names(folder)
        #expect(found == ["images/a.png", "images/b/c.png"], "\(errors)")
    }

    @Test("A18: byte order marks are passed over") func byteOrderMarksArePassedOver() throws {
        let folder = try yolo("\u{FEFF}train: images", pictures: ["images/a.png"])
        try folder.write("\u{FEFF}0 .5 .5 .2 .2\r\n", "labels/a.txt")
        #expect(try names(folder).0 == ["a.png"])
        let input = try folder.write(try text(try allClasses()), "all.json")
        let listed = try folder.write("\u{FEFF}hot_dog\r\n", "names.txt")
        let run = try run("filter", input, "--categories-file", listed, "-o", "-")
        #expect(try read(run.output).categories.map(\.name) == ["hot dog"], "\(run.errors)")
    }

    @Test("A05: key points are told and lost") func keyPointsAreToldAndLost() throws {
        let folder = try yolo("kpt_shape: [3, 2]\ntrain: images", pictures: ["images/a.png"])
        try folder.write("0 .5 .5 .5 .5 .4 .4 .6 .6 .5 .7\n", "labels/a.txt")
        let run = try run("from-yolo", folder.path, "-o", "-")
        #expect(run.status == 0 && run.errors.contains("1 objects have key points"), "\(run.errors)")
        let box = try read(run.output).annotations.boxes[0]
        #expect([box.x, box.y, box.width, box.height] == [1, 0.75, 2, 1.5])
    }

    @Test("A06, A25: folder of images in names goes to YOLO and comes back")
    func folderOfImagesInNamesGoesToYOLOAndComesBack() throws {
        let folder = try TemporaryFolder()
        let input = try folder.write(
            #"{"images": [{"id": 1, "width": 4, "height": 3, "file_name": "./images/a.png"}], "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 2, 2], "area": 4, "segmentation": []}], "categories": [{"id": 0, "name": "cat"}, {"id": 1, "name": "cat", "supercategory": "cat"}]}"#,
            "a.json")
        try folder.write("", "pictures/images/a.png")
        try SmallPictures.png().write(to: URL(filePath: folder.path + "/pictures/images/a.png"))
        let yolo = folder.path + "/yolo"
        let made = try run(
            "to-yolo", "--train", input, "--train-images", folder.path + "/pictures", "--type", "segm", "-o",
            yolo)
        #expect(made.status == 0, "\(made.errors)")
        #expect(made.errors.contains("1 categories have the name of another one and no annotation"))
        #expect(
            try String(contentsOfFile: yolo + "/images/train/labels/a.txt", encoding: .utf8)
                == "0 0 0 0.5 0 0.5 0.6666666667 0 0.6666666667\n")
        #expect(FileManager.default.fileExists(atPath: yolo + "/images/train/images/a.png"))
        let back = try run("from-yolo", yolo, "-o", "-")
        #expect(try read(back.output).annotations.count == 1, "\(back.errors)")
    }

    /// Folders of pictures as people write them.
    @Test(arguments: ["images/", "./images", ".//images//", "images/.", "images"])
    func foldersWithSlashes(_ images: String) throws {
        let folder = try TemporaryFolder()
        try folder.write(SmallPictures.png(), "images/a.png")
        try folder.write("0 .5 .5 .5 .5\n", "labels/a.txt")
        let description = try folder.write(
            "path: \(folder.path)/\ntrain: \(images)\nnames: [a]\n", "data.yaml")
        let run = try run("from-yolo", description, "-o", "-")
        #expect(run.status == 0, "\(run.errors)")
        // Nothing but the note about the newer command.
        #expect(
            run.errors.split(separator: "\n").allSatisfy { $0.contains("convert-dataset") }, "\(run.errors)")
        #expect(
            run.output.contains(#""file_name": "a.png""#) && run.output.contains(#""bbox": [1,"#),
            "\(run.output)")
    }

    @Test("A22: broken descriptions are errors") func brokenDescriptionsAreErrors() throws {
        let folder = try TemporaryFolder()
        for (yaml, text) in [
            ("train: [", "is not YAML"), ("- a", "needs \"names\""),
            ("train: a/images", "\"names\" is missing"),
            ("names: {0: a, 2: b}\ntrain: a/images", "without gaps"),
            ("names: [a]\nval: x", "has no \"train\""),
            ("names: [[a]]\ntrain: x", "\"names\" contains values"),
            ("names: [a]\ntrain: x", "does not exist, nor does the label file of any other"),
            ("\u{FF}", "needs \"names\""), ("names: [a]\nnc: 2\ntrain: x", "\"nc\" is 2"),
            ("names: [a]\nval: x\nvalidation: y", "\"val\" twice"),
            ("names: [a]\nkpt_shape: 17\ntrain: x", "\"kpt_shape\" must be"),
            ("names: [a]\n\n\ttrain: x", "data.yaml:3"),
            ("names: [a]\ntrain: x\ntrain: y", "data.yaml:2: the group that begins here has \"train\" twice"),
            ("names: [a]\ntrain: x\u{1}", "data.yaml:2: is not YAML: control characters"),
            ("names: [a]\ntrain: images\ncategory_ids: [x]", "list of integers"),
            ("names: [a]\ntrain: images\ncategory_ids: [1, 2]", "2 category ids"),
            ("names: [a]\ntrain: images", "labels/0000.txt: does not exist"), ("", "needs \"names\""),
        ] {
            let path = try folder.write(yaml, "data.yaml")
            let run = try run("from-yolo", path, "--like", coco, "-o", "-")
            #expect(run.status == 65 || run.status == 1, "\(yaml)")
            #expect(run.errors.hasPrefix("error: ") && run.errors.contains(text), "\(yaml): \(run.errors)")
            #expect(run.errors.split(separator: "\n").count <= 2 && run.output.isEmpty)
        }
        let none = try run("from-yolo", folder.path + "/none", "-o", "-")
        #expect(none.status == 1 && none.errors.contains("none: cannot be opened"))
    }

    @Test func wrongUsageEndsWith64() throws {
        for arguments in [
            ["filter", coco, "-o", "x"], ["filter", coco, "--split", "ovd48-17", "-o", "x"],
            ["filter", coco, "--category", "a", "--frequency", "rare", "-o", "x"],
            ["filter", coco, "--category", "a"],
            ["filter", coco, "--category", "a", "-o", "-", "--json"],
            ["subsample", coco, "-o", "x"], ["subsample", coco, "--fraction", "1.5", "-o", "x"],
            ["subsample", coco, "--count", "0", "-o", "x"],
            ["subsample", coco, "--count", "2", "--fraction", "0.5", "-o", "x"],
            ["subsample", coco, "--count", "2", "-o", "x", "--rest", "x"], ["merge", "-o", "x"],
            ["merge", "-", "-", "-o", "x"], ["to-yolo", "-o", "x"],
            ["to-yolo", "--train", "-", "--val", "-", "-o", "x"],
            ["to-yolo", "--train", coco, "--val-images", "y", "-o", "x"], ["from-yolo", "-o", "x"],
            ["lvis-to-coco", lvis, "--categories", "none", "-o", "x"], ["nonsense"],
        ] {
            let run = try Program(["split"] + arguments)
            #expect(run.status == 64 && run.output.isEmpty && !run.errors.isEmpty, "\(arguments)")
        }
    }

    @Test func mistypedOptionsAreNamedBeforeMissingOnes() throws {
        for (arguments, option) in [
            (["filter", coco, "--catgory", "dog", "-o", "x"], "--category"),
            (["subsample", coco, "--cuont", "3", "-o", "x"], "--count"),
            (["to-yolo", "--trian", coco, "-o", "x"], "--train"),
        ] {
            let run = try Program(["split"] + arguments)
            #expect(
                run.status == 64 && run.errors.contains("Did you mean '\(option)'?"),
                "\(arguments): \(run.errors)")
        }
        let missing = try run("filter", coco, "-o", "x")
        #expect(missing.errors.hasPrefix("Error: choose categories with"), "\(missing.errors)")
        #expect(missing.errors.contains("\nUsage: fvlm split filter"), "\(missing.errors)")
    }

    @Test func everySubcommandShowsAnExample() throws {
        for name in ["filter", "subsample", "merge", "to-yolo", "from-yolo", "lvis-to-coco"] {
            let run = try run(name, "--help")
            #expect(run.status == 0 && run.output.contains("  fvlm split \(name) "), "\(name)")
        }
    }

    @Test func plotsAreWritten() throws {
        let folder = try TemporaryFolder()
        let plots = folder.path + "/a/b"
        let arguments = [
            "score", "-g", coco, "-d", Self.fixtures.appending(path: "coco/eval-1/dt.json").path, "--plots",
            plots,
        ]
        #expect(try Program(arguments).status == 0)
        let names = try FileManager.default.contentsOfDirectory(atPath: plots).sorted()
        #expect(names.contains("precision-recall.svg") && names.contains("worst-classes.svg"))
        #expect(names.allSatisfy { $0.hasSuffix(".svg") })
        // A second run replaces them.
        #expect(try Program(arguments).status == 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: plots).sorted() == names)
        let blocked = try Program(Array(arguments.dropLast()) + [try folder.write("", "file")])
        #expect(blocked.status == 1 && blocked.errors.contains("file: is a file, not a folder"))
    }
}
