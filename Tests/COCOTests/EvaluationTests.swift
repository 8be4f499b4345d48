import COCO
import Testing

@Suite struct EvaluationTests {
    private let truth = """
        {"images": [{"id": 1, "width": 10, "height": 10}, {"id": 2, "width": 10, "height": 10}],
         "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}],
         "annotations": [
          {"id": 0, "image_id": 1, "category_id": 1, "bbox": [0, 0, 4, 4], "area": 16, "iscrowd": 0,
           "segmentation": [[0, 0, 4, 0, 4, 4, 0, 4]]},
          {"id": 1, "image_id": 2, "category_id": 1, "bbox": [2, 2, 4, 4], "area": 16, "iscrowd": 0,
           "segmentation": [[2, 2, 6, 2, 6, 6, 2, 6]]}]}
        """
    private let found = """
        [{"image_id": 1, "category_id": 1, "score": 0.9, "bbox": [0, 0, 4, 4]},
         {"image_id": 2, "category_id": 1, "score": 0.8, "bbox": [6, 6, 2, 2]},
         {"image_id": 2, "category_id": 1, "score": 0.7, "bbox": [2, 2, 4, 4]}]
        """

    /// The origin's defects 27 and 28: every object compared with one detection, and figures under wrong names.
    @Test func handComputedFigures() throws {
        let evaluation = try Evaluation(
            truth: dataset(truth), detections: detections(found), options: .coco(.box))
        // Precision 1 up to recall 1/2 (51 of 101 samples), then 2/3.
        let expected = (51 * 1 + 50 * (2.0 / 3)) / 101
        let figures = Dictionary(uniqueKeysWithValues: evaluation.figures().map { ($0.name, $0.value) })
        #expect(abs((figures["AP"] ?? 0) - expected) < 1e-12)
        #expect(abs((figures["APs"] ?? 0) - expected) < 1e-12)
        #expect(figures["APl"] == -1)
        #expect(figures["AR1"] == 0.5)
        #expect(figures["AR100"] == 1)
        #expect(
            evaluation.figures().map(\.name) == [
                "AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl",
            ])
        #expect(evaluation.objectCounts[0] == 2 && evaluation.detectionCounts == [3, 0])
        #expect(evaluation.averagePrecision(iouThreshold: 0.42) == nil)
        #expect(evaluation.averagePrecision(classes: [1]) == nil)
        #expect(evaluation.precisionCurve(category: 0, iouThreshold: 0).first ?? 0 > 0.999)
    }

    @Test func decisionsAreThoseOfTheFigures() throws {
        let evaluation = try Evaluation(
            truth: dataset(truth), detections: detections(found), options: .coco(.box))
        let all = evaluation.decisions(iouThreshold: 0)
        #expect(all.scores == [0.9, 0.8, 0.7] && all.areCorrect == [true, false, true])
        #expect(all.objectCount == 2)
        #expect(evaluation.decisions(iouThreshold: 0, classes: [1]).scores.isEmpty)
        // A detection upon a crowd counts neither way.
        let crowd = try Evaluation(
            truth: dataset(
                """
                {"images": [{"id": 1}], "categories": [{"id": 1, "name": "a"}], "annotations": [
                 {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 4, 4], "area": 16, "iscrowd": 1,
                  "segmentation": {"size": [10, 10], "counts": [0, 100]}}]}
                """),
            detections: detections(#"[{"image_id": 1, "category_id": 1, "score": 1, "bbox": [0, 0, 4, 4]}]"#),
            options: .coco(.box))
        let none = crowd.decisions(iouThreshold: 0)
        #expect(none.scores.isEmpty && none.areCorrect.isEmpty && none.objectCount == 0)
    }

    @Test func anObjectOfIDZeroIsMatched() throws {
        var options = EvaluationOptions.coco(.box)
        let right = try Evaluation(truth: dataset(truth), detections: detections(found), options: options)
        options.pycocotoolsCompatible = true
        let verbatim = try Evaluation(truth: dataset(truth), detections: detections(found), options: options)
        #expect(right.averageRecall() == 1)
        #expect(verbatim.averageRecall() == 0.5)
    }

    @Test func noDetectionsGiveZeroAndNoObjectsGiveNone() throws {
        let none = try Evaluation(truth: dataset(truth), detections: detections("[]"), options: .coco(.box))
        #expect(none.averagePrecision() == 0 && none.averageRecall() == 0)
        let empty = try dataset(
            #"{"images": [{"id": 1}], "annotations": [], "categories": [{"id": 1, "name": "a"}]}"#)
        let nothing = try Evaluation(
            truth: empty,
            detections: detections(#"[{"image_id": 1, "category_id": 1, "score": 1, "bbox": [0, 0, 1, 1]}]"#),
            options: .coco(.box))
        #expect(nothing.averagePrecision() == nil)
        #expect(nothing.figures().allSatisfy { $0.value == -1 })
        let bare = try Evaluation(
            truth: dataset(#"{"images": []}"#), detections: DetectionTable(), options: .coco(.mask))
        #expect(bare.averagePrecision() == nil)
    }

    @Test func masksMakeBoxesWhenThereAreNone() throws {
        let masks = try detections(
            #"[{"image_id": 1, "category_id": 1, "score": 0.9, "segmentation": [[0, 0, 4, 0, 4, 4, 0, 4]]}]"#)
        let evaluation = try Evaluation(truth: dataset(truth), detections: masks, options: .coco(.box))
        #expect(evaluation.averageRecall() == 0.5)
        let both = try Evaluation(truth: dataset(truth), detections: masks, options: .coco(.mask))
        #expect(both.averageRecall() == 0.5)
    }

    @Test func whatIsLeftOutIsCounted() throws {
        let strange = try dataset(
            """
            {"images": [{"id": 1}], "categories": [{"id": 1, "name": "a"}], "annotations": [
             {"id": 1, "image_id": 9, "category_id": 1, "bbox": [0, 0, 1, 1], "area": 1},
             {"id": 1, "image_id": 1, "category_id": 9, "bbox": [0, 0, 1, 1], "area": 1}]}
            """)
        let evaluation = try Evaluation(
            truth: strange,
            detections: detections(#"[{"image_id": 1, "category_id": 5, "score": 1, "bbox": [0, 0, 1, 1]}]"#),
            options: .coco(.box))
        #expect(evaluation.omissions.annotationsWithoutImage == 1)
        #expect(evaluation.omissions.annotationsWithoutCategory == 1)
        #expect(evaluation.omissions.detectionsWithoutCategory == 1)
    }

    @Test(arguments: [
        (
            #"[{"image_id": 7, "category_id": 1, "score": 1, "bbox": [0,0,1,1]}]"#,
            "the image 7 is not in the ground truth"
        ),
        (
            #"[{"image_id": 1, "category_id": 1, "score": 1, "bbox": [0,0,1,1]}]"#,
            "detection at index 0 (image 1): has no segmentation"
        ),
        (
            #"[{"image_id": 1, "category_id": 1, "score": 1, "segmentation": {"size": [10, 10], "counts": [99]}}]"#,
            "has run lengths that cover 99 of its 100 pixels"
        ),
        (
            #"[{"image_id": 1, "category_id": 1, "score": 1, "segmentation": {"size": [10, 10], "counts": [0, 50, 51]}}]"#,
            "has run lengths that do not match its 100 pixels"
        ),
        (
            #"[{"image_id": 1, "category_id": 1, "score": 1, "segmentation": {"size": [20, 5], "counts": [0, 100]}}]"#,
            "a mask of 20 x 5 pixels, but the ground truth has 10 x 10"
        ),
        (
            #"[{"image_id": 1, "category_id": 1, "score": 1, "segmentation": {"size": [10, 10], "counts": "hello"}}]"#,
            "detection at index 0 (image 1): "
        ),
        (
            #"[{"image_id": 1, "category_id": 1, "score": 1, "segmentation": {"size": [2147483647, 2147483647], "counts": "0"}}]"#,
            "fewer than 2^32 are needed"
        ),
    ])
    func unusableDetectionsAreNamed(_ results: String, _ expected: String) throws {
        let (truth, results) = (try dataset(truth), try detections(results))
        let text = message { _ = try Evaluation(truth: truth, detections: results, options: .coco(.mask)) }
        #expect(text?.contains(expected) == true, "\(text ?? "no error")")
    }

    @Test func unusableGroundTruthIsNamed() throws {
        func text(_ json: String, _ options: EvaluationOptions) throws -> String {
            let truth = try dataset(json)
            let one = try detections(
                #"[{"image_id": 1, "category_id": 1, "score": 1, "bbox": [0,0,1,1], "segmentation": [[0,0,1,1,0,1]]}]"#
            )
            return message { _ = try Evaluation(truth: truth, detections: one, options: options) }
                ?? "no error"
        }
        let categories = #""categories": [{"id": 1, "name": "a"}]"#
        #expect(
            try text(#"{"images": [{"id": 1}, {"id": 1}], \#(categories)}"#, .coco(.box))
                .contains("the image id 1 occurs twice"))
        #expect(
            try text(
                #"{"images": [{"id": 1}], "categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]}"#,
                .coco(.box)
            )
            .contains("the category id 1 occurs twice"))
        #expect(
            try text(
                #"{"images": [{"id": 1}], "annotations": [{"id": 5, "image_id": 1, "category_id": 1, "area": 1}], \#(categories)}"#,
                .coco(.box)
            ).contains("annotation 5: has no bbox"))
        #expect(
            try text(
                #"{"images": [{"id": 1}], "annotations": [{"id": 5, "image_id": 1, "category_id": 1, "area": 1, "segmentation": [[0,0,1,1,0,1]]}], \#(categories)}"#,
                .coco(.mask)
            ).contains("its image has no width and height"))
        // In every image, with detections or without.
        for mask in ["", #", "segmentation": []"#, #", "segmentation": [[1, 1, 5, 5]]"#] {
            #expect(
                try text(
                    #"{"images": [{"id": 1, "width": 9, "height": 9}, {"id": 2}], "annotations": [{"id": 5, "image_id": \#(mask.contains("1,") ? 1 : 2), "category_id": 1, "area": 1\#(mask)}], \#(categories)}"#,
                    .coco(.mask)
                ).contains(
                    mask.contains("1,")
                        ? "annotation 5: has polygons of fewer" : "annotation 5: has no segmentation"))
        }
        #expect(
            try text(#"{"images": [{"id": 1}], \#(categories)}"#, .lvis(.box)).contains(
                "image 1 has no neg_category_ids"))
        var options = EvaluationOptions.coco(.box)
        options.iouThresholds = []
        #expect(try text(#"{"images": [{"id": 1}], \#(categories)}"#, options).contains("IoU thresholds"))
        options = .coco(.box)
        options.categoryIDs = [77]
        #expect(
            try text(#"{"images": [{"id": 1}], \#(categories)}"#, options).contains(
                "the requested category 77"))
    }

    @Test(arguments: [
        #""bbox": [0, 0, 50, 50]"#, #""bbox": [0, 0, 50, 50], "area": null"#,
        #""bbox": [0, 0, 50, 50], "segmentation": [[0,0,50,0,50,50,0,50]]"#,
        #""bbox": [0, 0, 20, 20], "segmentation": [[0,0,50,0,50,50,0,50]]"#,
    ])
    func anAreaThatIsMissingIsThatOfMaskOrBox(_ fields: String) throws {
        // pycocotools 2.0.11 with the area filled in by its own functions.
        let truth = try dataset(
            """
            {"images": [{"id": 1, "width": 60, "height": 60}], "categories": [{"id": 1, "name": "a"}],
             "annotations": [{"id": 1, "image_id": 1, "category_id": 1, \(fields)}]}
            """)
        let found = try detections(
            #"[{"image_id": 1, "category_id": 1, "score": 1, "bbox": [0, 0, 50, 50], "segmentation": [[0,0,50,0,50,50,0,50]]}]"#
        )
        for geometry in EvaluationOptions.Geometry.allCases
        where geometry == .box ? !fields.contains("20, 20") : fields.contains("segm") {
            let evaluation = try Evaluation(truth: truth, detections: found, options: .coco(geometry))
            let figures = Dictionary(uniqueKeysWithValues: evaluation.figures().map { ($0.name, $0.value) })
            #expect(figures["APs"] == -1 && figures["APm"] ?? 0 > 0.9999 && figures["APl"] == -1)
            #expect(evaluation.omissions.notices.count == 1)
            #expect(evaluation.omissions.notices.first?.hasPrefix("1 annotations have no area") == true)
        }
    }

    @Test("A11: lvis disregards areas of zero") func lvisDisregardsAreasOfZero() throws {
        // lvis 0.5.3 asks for areas above 0 after it took the best 300.
        let truth = try dataset(
            """
            {"images": [{"id": 1, "width": 40, "height": 40, "neg_category_ids": [], "not_exhaustive_category_ids": []},
              {"id": 2, "width": 40, "height": 40, "neg_category_ids": [1], "not_exhaustive_category_ids": []}],
             "categories": [{"id": 1, "name": "a", "frequency": "f"}, {"id": 2, "name": "b", "frequency": "f"}],
             "annotations": [
              {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0,0,9,9], "area": 81, "segmentation": [[0,0,9,0,9,9,0,9]]},
              {"id": 2, "image_id": 1, "category_id": 2, "bbox": [0,0,9,9], "area": 0, "segmentation": [[0,0,9,0,9,9,0,9]]}]}
            """)
        let found = try detections(
            """
            [{"image_id": 2, "category_id": 1, "score": 0.9, "bbox": [3,3,0,8], "segmentation": {"size": [40, 40], "counts": [1600]}},
             {"image_id": 1, "category_id": 1, "score": 0.8, "bbox": [3,3,0,8], "segmentation": {"size": [40, 40], "counts": [1600]}},
             {"image_id": 1, "category_id": 1, "score": 0.7, "bbox": [0,0,9,9], "segmentation": [[0,0,9,0,9,9,0,9]]},
             {"image_id": 1, "category_id": 2, "score": 0.9, "bbox": [0,0,9,9], "segmentation": [[0,0,9,0,9,9,0,9]]}]
            """)
        for geometry in EvaluationOptions.Geometry.allCases {
            let evaluation = try Evaluation(truth: truth, detections: found, options: .lvis(geometry))
            #expect(evaluation.averagePrecision() ?? 0 > 0.9999 && evaluation.objectCounts[4] == 0)
            // An object of no area does not make its image speak for the class.
            #expect(evaluation.detectionCounts == [1, 0])
            #expect(evaluation.omissions.annotationsOfNoArea == 1)
            #expect(
                try Evaluation(truth: truth, detections: found, options: .coco(geometry)).averagePrecision()
                    ?? 1 < 0.9)
        }
    }

    @Test func splitsTakeTheMeanOverTheirClasses() throws {
        let data = try dataset(truth)
        let evaluation = try Evaluation(truth: data, detections: detections(found), options: .coco(.box))
        let parts = evaluation.parts([
            CategorySplit(name: "base", categoryIDs: [1]), CategorySplit(name: "novel", categoryIDs: [2]),
        ])
        #expect(parts.map(\.name) == ["all", "base", "novel"])
        #expect(parts.map(\.classes) == [[0, 1], [0], [1]])
        #expect(evaluation.averagePrecision(classes: parts[1].classes) == evaluation.averagePrecision())
        #expect(
            message { _ = try OpenVocabularySplit.coco48x17.parts(of: data) }?.contains(
                "needs COCO's classes") == true)
        #expect(
            message { _ = try OpenVocabularySplit.lvisBaseRare.parts(of: data) }?.contains(
                "with their frequency") == true)
    }

    @Test func theCOCOSplitTakesWhatIsThereOfItsClasses() throws {
        var data = Dataset()
        data.categories = OpenVocabularySplit.cocoNames.map { Category(id: $0.key, name: $0.value) }
        let all = try OpenVocabularySplit.coco48x17.parts(of: data)
        #expect(all.map(\.categoryIDs.count) == [48, 17])
        data.categories.removeAll { $0.id == 1 || $0.id == 5 }
        #expect(try OpenVocabularySplit.coco48x17.parts(of: data).map(\.categoryIDs.count) == [47, 16])
        data.categories = data.categories.map { Category(id: $0.id, name: "other \($0.id)") }
        #expect(
            message { _ = try OpenVocabularySplit.coco48x17.parts(of: data) }?.contains("needs COCO's")
                == true)
    }
}
