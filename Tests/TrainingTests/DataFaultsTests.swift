import CLIP
import COCO
import Evaluation
import FVLM
import FixtureSupport
import Foundation
import Support
import Testing
import Torch
import TrainingFixtures

@testable import Training

/// One record that cannot be used costs that record, and a word; not a training.
@Suite struct DataFaultsTests {
    private let run: SmallRun
    private var folder: TemporaryFolder { run.folder }

    init() throws { run = try SmallRun() }

    private func training(_ settings: String..., name: String = "run") throws -> TrainingRun {
        try TrainingRun(run.configuration("hf-vit", settings), folder: folder.file(name))
    }

    private func withRing(_ ring: [Double], beside: Bool) throws -> String {
        try run.annotations("ring.json") { entries in
            var entries = entries
            let good = entries[2]["segmentation"] as? [[Double]] ?? []
            entries[2]["segmentation"] = beside ? good + [ring] : [ring]
            return entries
        }
    }

    private func damage(_ name: String) throws {
        try folder.write(folder.bytes(name).prefix(120), name)
    }

    @Test("A09: a broken ring is left out", arguments: [true, false]) func aBrokenRingIsLeftOut(
        _ isBesideAGoodOne: Bool
    ) throws {
        let file = try withRing([5, 5, 6, 6], beside: isBesideAGoodOne)
        let training = try training("data.annotations=\(file)")
        let kind = isBesideAGoodOne ? "1 outline" : "1 mask"
        #expect(
            training.notes.contains {
                $0.hasPrefix("\(kind) is skipped: annotation 3 of image 2: a polygon of 4 numbers")
            }, "\(training.notes)")
        #expect(try training.start(resumes: false) { _ in }.isComplete)
        var random = RandomStream(1)
        let example = try training.dataset.example(at: 2, random: &random)
        #expect(example.boxes.count == 1)
        if case .none = example.masks[0] { #expect(!isBesideAGoodOne) } else { #expect(isBesideAGoodOne) }
    }

    @Test func strictlyItIsRefusedBeforeTheFirstStep() throws {
        let file = try withRing([5, 5, 6, 6], beside: true)
        let text = message {
            try training("data.annotations=\(file)", "data.faults=refuse").start(resumes: false) { _ in }
        }
        #expect(text.hasPrefix("annotation 3 of image 2: a polygon of 4 numbers"))
        #expect(!FileManager.default.fileExists(atPath: folder.file("run")))
    }

    /// What cannot even be read: a mask, an object, the last number of a polygon.
    @Test(arguments: [
        (#"[10,10,50,10,50,40,10]"#, "1 mask is skipped: annotation 3 of image 2: a polygon of 7 numbers"),
        (#""10 10 50 10""#, "1 mask is skipped: "), (#"[["a"]]"#, "1 mask is skipped: "),
        (#"{"size": [1], "counts": []}"#, "1 mask is skipped: "),
        (#"[], "bbox": [1, 2]"#, "1 object is skipped: "),
    ]) func anAnnotationThatCannotBeRead(_ segmentation: String, _ note: String) throws {
        let whole = try training(name: "whole").dataset.summary
        let file = try run.annotations("odd.json") { entries in
            var entries = entries
            entries[2]["segmentation"] = "HERE"
            if segmentation.contains("bbox") { entries[2]["bbox"] = nil }
            return entries
        }
        let isOdd = segmentation.hasPrefix("[1")
        let text = String(decoding: folder.bytes("odd.json"), as: UTF8.self)
            .replacing("\"HERE\"", with: isOdd ? "[\(segmentation)]" : segmentation)
        try folder.write(text, "odd.json")
        let training = try training("data.annotations=\(file)", "run.steps=2")
        #expect(training.notes.contains { $0.hasPrefix(note) }, "\(training.notes)")
        let isObject = note.contains("object")
        #expect(training.dataset.summary.objects == whole.objects - (isObject ? 1 : 0))
        #expect(try training.start(resumes: false) { _ in }.isComplete)
        for settings in [
            ["data.faults=refuse"], ["data.validationAnnotations=\(file)", "data.faults=refuse"],
        ] {
            let own = settings.count == 2 && isOdd
            let refused = message {
                _ = try TrainingRun(
                    run.configuration(
                        "hf-vit",
                        settings
                            + (settings.count == 2
                                ? ["data.validationImages=\(folder.path)"] : ["data.annotations=\(file)"])),
                    folder: folder.file("refused"))
            }
            // An unpaired number is passed over by scores, as by pycocotools.
            #expect(refused.isEmpty == own, "\(refused)")
        }
        let validated = try self.training(
            "data.validationAnnotations=\(file)", "data.validationImages=\(folder.path)", name: "validated")
        #expect(validated.notes.contains { $0.hasPrefix("validation: \(note.prefix(6))") } == !isOdd)
        var names: [String] = []
        try validated.start(resumes: false) {
            if case .evaluated(_, let report) = $0 { names += report.metrics.map(\.name) }
        }
        #expect(names.contains("bbox/AP") && names.contains("segm/AP"), "\(names)")
    }

    /// Too many of them are no accident.
    @Test func manyThatCannotBeRead() throws {
        let file = try run.annotations("many.json") { $0.map { $0.merging(["bbox": "none"]) { $1 } } }
        let text = message { _ = try self.training("data.annotations=\(file)") }
        #expect(text.contains("2 objects of 6 cannot be used, more than data.faultLimit 0.2"), "\(text)")
    }

    @Test("B11: a damaged picture is left out") func aDamagedPictureIsLeftOut() throws {
        try damage("3.png")
        let training = try training("run.steps=9")
        #expect(training.notes.contains { $0.hasPrefix("1 picture is skipped: ") && $0.contains("3.png") })
        var steps = 0
        try training.start(resumes: false) { if case .progress = $0 { steps += 1 } }
        #expect(steps == 9)
        #expect(message { _ = try self.training("data.faults=refuse") }.contains("3.png"))
        try damage("4.png")
        let text = message { _ = try self.training() }
        #expect(text.contains("2 pictures of 6 cannot be used, more than data.faultLimit 0.2"), "\(text)")
        #expect(try self.training("data.faultLimit=0.5").notes.contains { $0.hasPrefix("2 pictures are") })
    }

    /// Found while training, as in a data set that was too large to look over: the next picture takes its place, the
    /// others keep theirs, and it is said once.
    @Test func aPictureThatIsDamagedLaterIsReplaced() throws {
        let training = try training("run.steps=9", "data.workers=0")
        try damage("3.png")
        var notes: [String] = []
        try training.start(resumes: false) { if case .noted(_, let note) = $0 { notes.append(note) } }
        #expect(notes.count == 1 && notes[0].contains("3.png"), "\(notes)")
    }

    @Test func examplesInThePlaceOfDamagedOnes() throws {
        struct Source: ExampleSource {
            let count = 5
            let fingerprint = ""
            func example(at row: Int, view: Int, random: inout RandomStream) throws -> TrainingExample {
                if row == 1 || row == 2 { throw ExcludedPicture() }
                return try SquareSource().example(at: row, view: view, random: &random)
            }
        }
        for workers in [0, 2] {
            let loader = try ExampleLoader(
                Source(), options: .init(batchSize: 5, shuffles: false, workerCount: workers))
            #expect(try loader.nextBatch().map(\.imageID) == [0, 3, 3, 3, 4])
        }
    }

    @Test func annotationsOfNothingAreLeftOut() throws {
        let file = try run.annotations("nowhere.json") { entries in
            var other = entries[0]
            other["id"] = 50
            other["image_id"] = 999
            return entries + [other]
        }
        #expect(
            try training("data.annotations=\(file)").notes.contains {
                $0.hasPrefix("1 object is skipped: annotation 50: names image 999")
            })
    }

    // MARK: Validation

    private func validation(_ file: String, _ images: String? = nil) -> [String] {
        ["data.validationAnnotations=\(file)", "data.validationImages=\(images ?? folder.path)"]
    }

    @Test("B10: validation is looked over at the start") func validationIsLookedOverAtTheStart() throws {
        func notes(_ settings: [String]) throws -> [String] {
            try TrainingRun(run.configuration("hf-vit", settings), folder: folder.file("none")).notes
        }
        let boxes = try run.annotations("boxes.json") { $0.map { $0.filter { $0.key != "segmentation" } } }
        #expect(
            try notes(validation(boxes)).contains(
                "validation: 6 of 6 objects have no mask: only boxes are evaluated"))
        let size = try run.annotations("size.json", "images") { entries in
            var entries = entries
            entries[5]["width"] = 100
            entries[5]["height"] = 90
            return entries
        }
        #expect(
            try notes(validation(size)).contains {
                $0.hasPrefix("validation: 1 picture is skipped: image 5") && $0.contains("100 x 90")
            })
        for name in run.folder.names where name.hasSuffix(".png") {
            try folder.write(folder.bytes(name), "damaged/\(name)")
        }
        try damage("damaged/2.png")
        let damaged = validation(folder.file("train.json"), folder.file("damaged"))
        #expect(
            try notes(damaged).contains {
                $0.hasPrefix("validation: 1 picture is skipped") && $0.contains("2.png")
            })
        #expect(message { _ = try notes(damaged + ["data.faults=refuse"]) }.contains("damaged/2.png"))
    }

    /// Boxes alone are measured on boxes alone, to the end of the training.
    @Test func aTrainingWithMasksIsEvaluatedOnBoxes() throws {
        let boxes = try run.annotations("boxes.json") { $0.map { $0.filter { $0.key != "segmentation" } } }
        var names: [String] = []
        try TrainingRun(run.configuration("hf-vit", validation(boxes)), folder: folder.file("run"))
            .start(resumes: false) { event in
                if case .evaluated(_, let report) = event { names = report.metrics.map(\.name) }
            }
        #expect(names == ["bbox/AP", "bbox/AP50", "bbox/AP75"])
    }

    // MARK: What takes part

    @Test("A03: a segmentation that is empty is no mask") func aSegmentationThatIsEmptyIsNoMask() throws {
        func example(_ segmentation: Any?) throws -> TrainingExample {
            let file = try run.annotations("cut.json") { entries in
                var entry = entries[0].filter { $0.key != "segmentation" }
                // Half a pixel outside: the edge cuts it.
                entry["bbox"] = [-0.5, 10.0, 40.5, 30.0]
                entry["segmentation"] = segmentation
                return [entry]
            }
            let dataset = try TrainingDataset(
                Dataset(contentsOf: file), imagesIn: folder.path, faults: DataFaults(.exclude))
            var random = RandomStream(1)
            return try dataset.example(at: 0, random: &random)
        }
        let absent = try example(nil)
        #expect(try absent.boxes.tensor.array(of: Float.self) == [0, 10, 40, 40])
        for empty: Any in [
            [Any](), [[Any]()], ["size": [120, 80], "counts": [9600]] as [String: Any],
        ] {
            #expect(try example(empty).boxes.tensor.isEqual(to: absent.boxes.tensor), "\(empty)")
        }
    }

    @Test("B13: boxes alone train a detector of boxes", arguments: ["absent", "empty"])
    func boxesAloneTrainADetectorOfBoxes(_ form: String) throws {
        let boxes = try run.annotations("boxes.json") { entries in
            entries.map { entry in
                var entry = entry
                entry["segmentation"] = form == "empty" ? [Any]() : nil
                return entry
            }
        }
        let training = try training("data.annotations=\(boxes)", "run.steps=2")
        #expect(
            training.notes.contains(
                "no object has a mask: a detector of boxes only is trained, without a mask head"))
        var losses: [String] = []
        try training.start(resumes: false) {
            if case .progress(let progress) = $0 { losses = progress.losses.map(\.name) }
        }
        #expect(losses == ["loss_rpn_cls", "loss_rpn_loc", "loss_cls", "loss_box_reg"])
        let model = try Detector.load(folder.file("run/model"))
        #expect(!model.configuration.network.masks)
        // The same is chosen.
        let chosen = try self.training("data.masks=false", name: "other")
        #expect(!chosen.configuration.detector.network.masks && chosen.notes.isEmpty)
    }

    @Test("B24, B25: classes without objects take no part") func classesWithoutObjectsTakeNoPart() throws {
        let file = try run.annotations("more.json", "categories") {
            [["id": 0, "name": "Bus"]] + $0 + [["id": 9, "name": "butterfly"]]
        }
        let training = try training(
            "data.annotations=\(file)", "data.validationAnnotations=\(file)",
            "data.validationImages=\(folder.path)")
        #expect(training.vocabulary.names == ["dog", "bus"])
        #expect(training.vocabulary.classes.allSatisfy { $0.split == .base })
        #expect(
            training.notes.contains("2 classes have no object: not trained ('Bus', 'butterfly')"),
            "\(training.notes)")
        var classes: [EvaluationReport.ClassResult] = []
        try training.start(resumes: false) {
            if case .evaluated(_, let report) = $0 { classes = report.classes }
        }
        #expect(classes.map(\.name) == ["dog", "bus"])
        #expect(classes.allSatisfy { $0.values.allSatisfy { $0.value >= 0 } })
    }

    @Test("B25: two classes of one name are named by their ids") func twoClassesOfOneNameAreNamedByTheirIds()
        throws
    {
        let file = try run.annotations("twins.json", "categories") {
            $0.map { $0.merging(["name": $0["id"] as? Int == 1 ? "red_apple" : "Red apple"]) { $1 } }
        }
        #expect(
            message { _ = try self.training("data.annotations=\(file)") }
                .hasPrefix("categories: 1 'red_apple' and 2 'Red apple' have the same name"))
    }

    @Test("B26: what is left out is counted") func whatIsLeftOutIsCounted() throws {
        let none = try run.annotations("none.json") { _ in [] }
        #expect(
            message { _ = try self.training("data.annotations=\(none)") }.contains(
                "no object is left to learn from"))
        let crowds = try run.annotations("crowds.json") { $0.map { $0.merging(["iscrowd": 1]) { $1 } } }
        #expect(
            message { _ = try self.training("data.annotations=\(crowds)") }
                .contains("no object is left to learn from; 6 annotations are crowds"))
        let flat = try run.annotations("flat.json") { entries in
            entries.enumerated().map { place, entry in
                place < 2 ? entry.merging(["bbox": [10, 10, 0, 30]]) { $1 } : entry
            }
        }
        let training = try self.training("data.annotations=\(flat)")
        #expect(training.notes.contains("2 objects have boxes without extent: skipped"))
        #expect(training.dataset.summary.objects == 4)
    }

    /// A vocabulary that does not say base or novel: what is trained on is base, as without one.
    @Test("B08: trained classes are base") func trainedClassesAreBase() throws {
        let plain = try training()
        let clip = try CLIPModel.load(plain.configuration.detector.clip)
        let own = try Vocabulary(
            encoding: ["bus", "Dog", "cat"].map { Vocabulary.Class($0) }, templates: .single, with: clip,
            tokenizer: clip.tokenizer())
        try own.write(to: folder.file("own.safetensors"))
        let given = try training("texts.vocabulary=\(folder.file("own.safetensors"))")
        #expect(given.vocabulary.classes.map(\.split) == plain.vocabulary.classes.map(\.split))
        #expect(given.vocabulary.isBase == [true, true])
    }

    /// The data set's category ids go into the vocabulary, also into a given one with ids of another data set.
    @Test func categoryIDsAreTheDataSets() throws {
        let plain = try training()
        let ids = plain.vocabulary.classes.map(\.categoryID)
        #expect(ids == plain.dataset.categoryIDs.map(Optional.some))
        let clip = try CLIPModel.load(plain.configuration.detector.clip)
        let own = try Vocabulary(
            encoding: ["bus", "Dog", "cat"].map { Vocabulary.Class($0, categoryID: 90) }, templates: .single,
            with: clip, tokenizer: clip.tokenizer())
        try own.write(to: folder.file("own.safetensors"))
        let given = try training("texts.vocabulary=\(folder.file("own.safetensors"))")
        #expect(given.vocabulary.classes.map(\.categoryID) == ids)
    }
}
