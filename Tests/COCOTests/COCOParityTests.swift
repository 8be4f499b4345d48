import COCO
import FixtureSupport
import Foundation
import Testing
import WeightFiles

/// Comparisons that both parity suites make.
enum EvaluationParity {
    /// Compares figures with the recorded ones by name; every recorded one must be there.
    static func check(
        _ figures: [Evaluation.Figure], _ recorded: JSONValue, _ label: String, _ fixture: FixtureCase
    ) throws {
        let values = Dictionary(uniqueKeysWithValues: figures.map { ($0.name, $0.value) })
        let names = try recorded.object.keys.sorted()
        #expect(names.count == figures.count, "\(label)")
        for name in names {
            let got = try #require(values[name], "\(label) \(name)")
            let difference = Comparison.difference(
                "\(fixture.name) \(label) \(name)", [got], [try recorded[name].double], shape: [1],
                try fixture.tolerance())
            #expect(difference == nil, "\(difference ?? "")")
        }
    }

    /// Compares the arrays of precision and recall with the tensors `prefix.precision` and `prefix.recall`.
    static func checkArrays(_ evaluation: Evaluation, _ prefix: String, _ fixture: FixtureCase) throws {
        for (key, values) in [
            ("\(prefix).precision", evaluation.precisionsInReferenceOrder),
            ("\(prefix).recall", evaluation.recallsInReferenceOrder),
        ] where fixture.has(key) {
            let tensor = try fixture.tensor(key)
            let difference = Comparison.difference(
                "\(fixture.name) \(key)", values, tensor.doubles(), shape: tensor.shape,
                try fixture.tolerance(key))
            #expect(difference == nil, "\(difference ?? "")")
        }
    }
}

extension Evaluation {
    /// ``precisions`` as the reference lays them out: IoU threshold, recall threshold, class, range of areas, limit.
    fileprivate var precisionsInReferenceOrder: [Double] {
        transposed(precisions, options.recallThresholds.count)
    }

    /// ``recalls`` as the reference lays them out: IoU threshold, class, range of areas, limit.
    fileprivate var recallsInReferenceOrder: [Double] { transposed(recalls, 1) }

    private func transposed(_ values: [Double], _ width: Int) -> [Double] {
        let cells = classCount * options.areaRanges.count * options.detectionLimits.count
        let thresholds = options.iouThresholds.count
        return (0..<thresholds).flatMap { threshold in
            (0..<width).flatMap { recall in
                (0..<cells).map { values[($0 * thresholds + threshold) * width + recall] }
            }
        }
    }
}

extension DetectionTable {
    /// The detections without their masks.
    fileprivate var boxesAlone: DetectionTable { mapped { $0.segmentation = nil } }

    /// The detections without their boxes.
    fileprivate var masksAlone: DetectionTable { mapped { $0.box = nil } }

    private func mapped(_ change: (inout DetectionRecord) -> Void) -> DetectionTable {
        var result = DetectionTable()
        for row in 0..<count {
            var record = self[row]
            change(&record)
            result.append(record)
        }
        return result
    }
}

@Suite struct COCOParity {
    @Test(arguments: try Fixtures.names("coco"))
    func matchesTheReference(_ name: String) throws {
        let fixture = try Fixtures.case("coco", name)
        switch name {
        case "rle": try checkMasks(fixture)
        case "splits": try checkSplits(fixture)
        case let name where name.hasPrefix("eval-"): try checkEvaluation(fixture)
        default: Issue.record("the case \(fixture.name) is not understood")
        }
    }

    private func checkEvaluation(_ fixture: FixtureCase) throws {
        let truth = try Dataset(contentsOf: fixture.path("gt.json"))
        let detections = try DetectionTable(contentsOf: fixture.path("dt.json"))
        // An object with the id 0 is lost in the reference; the recorded figures then come in both forms.
        let shifted = try fixture.expected.optional("stats_shifted")
        #expect((shifted != nil) == truth.annotations.ids.contains(0))
        for geometry in EvaluationOptions.Geometry.allCases {
            let kind = geometry.rawValue
            let only = geometry == .box ? detections.boxesAlone : detections.masksAlone
            var options = EvaluationOptions.coco(geometry)
            let right = try Evaluation(truth: truth, detections: only, options: options)
            // What is given beside the compared form makes no difference.
            let both = try Evaluation(truth: truth, detections: detections, options: options)
            #expect(right.precisions == both.precisions)
            options.pycocotoolsCompatible = true
            let verbatim = try Evaluation(truth: truth, detections: only, options: options)
            try EvaluationParity.check(verbatim.figures(), try fixture.expected["stats"][kind], kind, fixture)
            try EvaluationParity.checkArrays(verbatim, "out.\(kind)", fixture)
            if let shifted {
                try EvaluationParity.check(right.figures(), try shifted[kind], "\(kind) shifted", fixture)
                try EvaluationParity.checkArrays(right, "out.shifted.\(kind)", fixture)
            } else {
                try EvaluationParity.check(
                    right.figures(), try fixture.expected["stats"][kind], kind, fixture)
                try EvaluationParity.checkArrays(right, "out.\(kind)", fixture)
            }
            if geometry == .mask {
                let verbatim = try Evaluation(truth: truth, detections: detections, options: options)
                try EvaluationParity.check(
                    verbatim.figures(), try fixture.expected["stats_segm_with_boxes"], "segm with boxes",
                    fixture)
            }
        }
    }

    private func checkSplits(_ fixture: FixtureCase) throws {
        let expected = try fixture.expected
        func ids(_ key: String) throws -> [Int64] { try expected[key].array.map { Int64(try $0["id"].int) } }
        #expect(try ids("base") == OpenVocabularySplit.coco48)
        #expect(try ids("novel") == OpenVocabularySplit.coco17)
        #expect(
            try ids("unused")
                == OpenVocabularySplit.cocoNames.keys.sorted().filter {
                    !OpenVocabularySplit.coco48.contains($0) && !OpenVocabularySplit.coco17.contains($0)
                })
        #expect(
            try expected["coco_ids"].ints.map { Int64($0) } == OpenVocabularySplit.cocoNames.keys.sorted())
        for key in ["base", "novel", "unused"] {
            for entry in try expected[key].array {
                #expect(try entry["name"].string == OpenVocabularySplit.cocoNames[Int64(try entry["id"].int)])
            }
        }
        // LVIS's counts, from classes with the recorded number of each frequency.
        var data = Dataset()
        let counts = try expected["lvis"]
        for (frequency, key) in [
            (Category.Frequency.rare, "rare"), (.common, "common"), (.frequent, "frequent"),
        ] {
            for _ in 0..<(try counts[key].int) {
                data.categories.append(
                    Category(id: Int64(data.categories.count), name: "", frequency: frequency))
            }
        }
        let parts = try OpenVocabularySplit.lvisBaseRare.parts(of: data)
        #expect(parts.map(\.name) == ["base", "novel"])
        #expect(parts.map(\.categoryIDs.count) == [try counts["base"].int, try counts["novel"].int])
        #expect(data.categories.count == (try counts["total"].int))
    }

    private func checkMasks(_ fixture: FixtureCase) throws {
        let expected = try fixture.expected
        let shape = try fixture.shape("in.masks")
        let (count, height, width) = (shape[0], shape[1], shape[2])
        let pixels = try fixture.bytes("in.masks")
        var masks: [RunLengthMask] = []
        for index in 0..<count {
            let one = Array(pixels[index * height * width..<(index + 1) * height * width])
            let mask = try RunLengthMask(height: height, width: width, pixels: one)
            masks.append(mask)
            let recorded = try expected["masks"].array[index]
            #expect(mask.counts == (try recorded["counts"].ints.map { UInt32($0) }))
            try check(mask, recorded)
            #expect(try mask.pixels() == one)
            #expect(try RunLengthMask(height: height, width: width, counts: mask.counts) == mask)
            #expect(try RunLengthMask(height: height, width: width, polygons: mask.polygons()) == mask)
        }
        let bigShape = try fixture.shape("in.big")
        let big = try RunLengthMask(
            height: bigShape[0], width: bigShape[1], pixels: try fixture.bytes("in.big"))
        try check(big, try expected["big"])
        #expect(try RunLengthMask(height: bigShape[0], width: bigShape[1], polygons: big.polygons()) == big)

        try checkPolygons(fixture)
        func text(_ key: String) throws -> [UInt8] { Array(try expected[key].string.utf8) }
        #expect(try RunLengthMask.union(Array(masks[4...])).compressed == (try text("union")))
        #expect(try RunLengthMask.intersection(Array(masks[5...6])).compressed == (try text("intersection")))

        let boxes = try fixture.tensor("in.boxes").doubles()
        func box(_ row: Int) -> BoundingBox {
            BoundingBox(
                x: boxes[4 * row], y: boxes[4 * row + 1], width: boxes[4 * row + 2],
                height: boxes[4 * row + 3])
        }
        let truth = [masks[0]] + masks.suffix(4)
        for (index, pattern) in try fixture.parameters["crowd_patterns"].array.enumerated() {
            let crowd = try pattern.ints.map { $0 != 0 }
            let got = try masks.flatMap { mask in
                try zip(truth, crowd).map { try mask.overlap(with: $0, isCrowd: $1) }
            }
            try compare(got, "out.iou.masks.\(index)", fixture)
            let half = boxes.count / 8
            let gotBoxes = (0..<half).flatMap { a in
                (0..<half).map { box(a).overlap(with: box(half + $0), isCrowd: crowd[$0]) }
            }
            try compare(gotBoxes, "out.iou.boxes.\(index)", fixture)
        }
    }

    private func compare(_ got: [Double], _ key: String, _ fixture: FixtureCase) throws {
        let tensor = try fixture.tensor(key)
        // The tensors are 32-bit; so is the comparison.
        let difference = Comparison.difference(
            "\(fixture.name) \(key)", got.map { Double(Float($0)) }, tensor.doubles(), shape: tensor.shape,
            try fixture.tolerance(key))
        #expect(difference == nil, "\(difference ?? "")")
    }

    private func check(_ mask: RunLengthMask, _ recorded: JSONValue) throws {
        let text = try recorded["compressed"].string
        #expect(String(decoding: mask.compressed, as: UTF8.self) == text)
        #expect(try RunLengthMask(height: mask.height, width: mask.width, compressed: text) == mask)
        #expect(mask.area == (try recorded["area"].int))
        #expect(
            [mask.box.x, mask.box.y, mask.box.width, mask.box.height] == (try recorded["bbox"].doubles))
    }

    private func checkPolygons(_ fixture: FixtureCase) throws {
        let size = try fixture.parameters["polygon_size"].ints
        let shape = try fixture.shape("out.polygon_masks")
        let pixels = try fixture.bytes("out.polygon_masks")
        for (index, entry) in try fixture.parameters["polygons"].array.enumerated() {
            let rings = try entry.array.map { try $0.doubles }
            let mask = try RunLengthMask(height: size[0], width: size[1], polygons: rings)
            let recorded = try fixture.expected["polygons"].array[index]
            try check(mask, recorded)
            let parts = try rings.map {
                String(
                    decoding: try RunLengthMask(height: size[0], width: size[1], polygons: [$0]).compressed,
                    as: UTF8.self)
            }
            #expect(parts == (try recorded["parts"].strings))
            let area = shape[1] * shape[2]
            #expect(try mask.pixels() == Array(pixels[index * area..<(index + 1) * area]))
            #expect(try RunLengthMask(height: size[0], width: size[1], polygons: mask.polygons()) == mask)
        }
    }
}
