import COCO
import FixtureSupport
import Foundation
import Testing

/// Rows as values, for comparisons.
extension Dataset {
    var imageList: [ImageRecord] { (0..<images.count).map { images[$0] } }
    var annotationList: [AnnotationRecord] { (0..<annotations.count).map { annotations[$0] } }
}

@Suite struct SplitTests {
    private let problems = (0..<20).map { RandomProblem(seed: $0, federated: true).truth }

    private func read(_ text: String) throws -> Dataset {
        try Array(text.utf8).withUnsafeBytes { try Dataset(json: $0) }
    }

    @Test func filteringKeepsWhatBelongsToTheCategories() throws {
        for data in problems {
            let kept: Set<Int64> = [7, .max, 555]
            let (result, report) = data.filtered(categoryIDs: kept)
            #expect(result.categories == data.categories.filter { kept.contains($0.id) })
            #expect(result.annotationList == data.annotationList.filter { kept.contains($0.categoryID) })
            #expect(result.images.ids == data.images.ids)
            for (a, b) in zip(result.imageList, data.imageList) {
                #expect(a.negativeCategoryIDs == b.negativeCategoryIDs?.filter(kept.contains))
            }
            let lost = data.annotations.count - result.annotations.count
            let said = report.entries.filter { $0.text.hasPrefix("annotations") }.map(\.count).reduce(0, +)
            #expect(lost == said)
            let (dropped, _) = data.filtered(categoryIDs: kept, droppingEmptyImages: true)
            #expect(Set(dropped.images.ids) == Set(result.annotations.imageIDs))
        }
    }

    @Test func filteringTellsOfAnnotationsWithoutImageOrCategory() throws {
        let data = try read(
            #"""
            {"images": [{"id": 1}], "categories": [{"id": 1, "name": "a"}], "annotations": [
            {"id": 5, "image_id": 2, "category_id": 1}, {"id": 6, "image_id": 1, "category_id": 9}]}
            """#)
        let (result, report) = data.filtered(categoryIDs: [1])
        #expect(result.annotations.count == 0)
        #expect(report.entries.map(\.ids).sorted { $0.count > $1.count }.prefix(2) == [[5], [6]])
    }

    @Test func categoriesAreFoundByNameAndFrequency() throws {
        var data = Dataset()
        data.categories = [
            Category(id: 1, name: "hot dog, with mustard"), Category(id: 2, name: "dog"),
            Category(id: 3, name: "never"),
        ]
        for image in 0..<120 {
            data.images.append(ImageRecord(id: Int64(image), width: 1, height: 1))
            // Two objects in one image count once.
            for copy in 0..<2 {
                for category in [1, 2] where category == 1 || image < 10 {
                    data.annotations.append(
                        AnnotationRecord(
                            id: Int64(image * 4 + copy * 2 + category), imageID: Int64(image),
                            categoryID: Int64(category)))
                }
            }
        }
        #expect(try data.categoryIDs(named: ["hot dog, with mustard", "dog"]) == [1, 2])
        // Where no name is equal, one that the text tower takes for the same.
        #expect(
            try data.categoryIDs(named: ["Hot_Dog, with mustard"])
                == data.categoryIDs(named: ["hot dog, with mustard"]))
        let error = #expect(throws: COCOError.self) {
            try data.categoryIDs(named: ["dog", "Dog", "cat"])
        }
        #expect(error?.description.contains("1 of 3 names match no category: \"cat\"") == true)
        #expect(data.categoryIDs(of: [.rare]) == (ids: [2], areCounted: true))
        #expect(data.categoryIDs(of: [.frequent]) == (ids: [1], areCounted: true))
        #expect(data.categoryIDs(of: [.common]).ids.isEmpty)
        data.categories = data.categories.map {
            Category(id: $0.id, name: $0.name, frequency: $0.id == 3 ? .rare : .common)
        }
        #expect(data.categoryIDs(of: [.rare]) == (ids: [3], areCounted: false))
    }

    @Test func samplesDivideTheDataSet() throws {
        for (index, data) in problems.enumerated() {
            let count = data.images.count / 2
            let (sample, rest, report) = try data.sampled(imageCount: count, seed: UInt64(index))
            #expect(report.entries.isEmpty)
            #expect(sample.images.count == count && rest.images.count == data.images.count - count)
            #expect(Set(sample.images.ids).isDisjoint(with: rest.images.ids))
            #expect(Set(sample.imageList).union(rest.imageList) == Set(data.imageList))
            #expect(Set(sample.annotations.imageIDs).isSubset(of: sample.images.ids))
            #expect(Set(sample.annotationList).union(rest.annotationList) == Set(data.annotationList))
            #expect(sample.categories == data.categories && rest.categories == data.categories)
            let again = try data.sampled(imageCount: count, seed: UInt64(index)).sample
            #expect(again.imageList == sample.imageList && again.annotationList == sample.annotationList)
        }
        var large = Dataset()
        for id in 0..<1000 { large.images.append(ImageRecord(id: Int64(id), width: 1, height: 1)) }
        let draws = try (0..<50).map { try large.sampled(imageCount: 100, seed: $0).sample.images.ids }
        #expect(Set(draws).count == 50)
        // 5,000 draws among 1,000 images: a mean id far from the middle would be no chance.
        let mean = Double(draws.joined().reduce(0, +)) / 5000
        #expect((mean - 499.5).magnitude < 20)
        #expect(throws: COCOError.self) { try large.sampled(imageCount: 1001, seed: 0) }
        large.images.append(ImageRecord(id: 0, width: 1, height: 1))
        #expect(throws: COCOError.self) { try large.sampled(imageCount: 10, seed: 0) }
    }

    @Test func partsMergeToTheWhole() throws {
        for (index, problem) in problems.enumerated() {
            var data = Dataset()
            data.categories = problem.categories
            for image in problem.imageList {
                var image = image
                image.fileName = "\(image.id).jpg"
                data.images.append(image)
            }
            for annotation in problem.annotationList { data.annotations.append(annotation) }
            // Overlapping parts: halves of the images, and halves of the categories.
            let (half, rest, _) = try data.sampled(imageCount: data.images.count / 2, seed: UInt64(index))
            let first = data.filtered(categoryIDs: [0, 7]).dataset
            for parts in [[half, rest], [rest, half, first], [data, data], [data, first]] {
                for renumbering in [false, true] {
                    let merged = try DatasetMerge.merge(
                        parts.enumerated().map { ("part \($0.offset)", $0.element) }, renumbering: renumbering
                    ).dataset
                    #expect(Set(merged.categories) == Set(data.categories))
                    #expect(merged.images.count == data.images.count)
                    #expect(merged.annotations.count == data.annotations.count)
                    if renumbering {
                        #expect(merged.images.ids == (1...data.images.count).map(Int64.init))
                        #expect(merged.annotations.ids == (0..<data.annotations.count).map { Int64($0 + 1) })
                    } else {
                        #expect(Set(merged.annotationList) == Set(data.annotationList))
                        #expect(Set(merged.imageList.map(\.path)) == Set(data.imageList.map(\.path)))
                    }
                }
            }
        }
    }

    private let mine =
        #"{"images": [{"id": 1, "width": 4, "height": 3, "file_name": "a.jpg", "license": 1}], "#
        + #""licenses": [{"id": 1, "name": "mine"}], "#
        + #""categories": [{"id": 1, "name": "dog"}, {"id": 2, "name": "cat"}], "#
        + #""annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0,0,1,1], "area": 1}]}"#
    private let yours =
        #"{"images": [{"id": 1, "width": 4, "height": 3, "file_name": "b.jpg", "license": 1}], "#
        + #""licenses": [{"id": 1, "name": "yours"}], "#
        + #""categories": [{"id": 1, "name": "cat"}, {"id": 5, "name": "dog"}, {"id": 2, "name": "hen"}], "#
        + #""annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0,0,2,2], "area": 4}, "#
        + #"{"id": 2, "image_id": 1, "category_id": 2, "bbox": [0,0,1,1], "area": 1}, "#
        + #"{"id": 3, "image_id": 7, "category_id": 2, "bbox": [0,0,1,1], "area": 1}]}"#

    @Test func conflictsAreErrorsThatRenumberingResolves() throws {
        let parts = try [("mine", read(mine)), ("yours", read(yours))]
        let error = #expect(throws: COCOError.self) {
            try DatasetMerge.merge(parts.map { (name: $0.0, dataset: $0.1) }, renumbering: false)
        }
        let text = try #require(error?.description)
        #expect(text.hasPrefix("5 conflicts: ") && text.contains("--renumber"), "\(text)")
        let (merged, report) = try DatasetMerge.merge(
            parts.map { (name: $0.0, dataset: $0.1) }, renumbering: true)
        #expect(merged.categories.map(\.id) == [1, 2, 3])
        #expect(merged.categories.map(\.name) == ["dog", "cat", "hen"])
        #expect(merged.images.ids == [1, 2] && merged.imageList.map(\.fileName) == ["a.jpg", "b.jpg"])
        #expect(merged.images.licenses == [1, nil])
        #expect(merged.annotations.ids == [1, 2, 3])
        #expect(merged.annotations.imageIDs == [1, 2, 2] && merged.annotations.categoryIDs == [1, 2, 3])
        #expect(report.entries.contains { $0.ids == [3] && $0.text.contains("does not have") })
        #expect(report.entries.contains { $0.text.contains("licenses") })
    }

    @Test func picturesOfTwoSizesCannotBeOne() throws {
        let other = yours.replacing("b.jpg", with: "a.jpg").replacing("\"width\": 4", with: "\"width\": 5")
        #expect(throws: COCOError.self) {
            try DatasetMerge.merge(
                [("mine", try read(mine)), ("yours", try read(other))], renumbering: true)
        }
    }

    @Test func repeatedIDsOfOneFile() throws {
        var data = try read(mine)
        data.annotations.append(
            AnnotationRecord(
                id: 1, imageID: 1, categoryID: 2, box: BoundingBox(x: 0, y: 0, width: 3, height: 3), area: 9))
        #expect(throws: COCOError.self) {
            try DatasetMerge.merge([("mine", data)], renumbering: false)
        }
        let merged = try DatasetMerge.merge([("mine", data)], renumbering: true).dataset
        #expect(merged.annotations.ids == [1, 2])
        data.images.append(ImageRecord(id: 1, width: 4, height: 3, fileName: "c.jpg"))
        #expect(throws: COCOError.self) {
            try DatasetMerge.merge([("mine", data)], renumbering: true)
        }
    }

    @Test func theGreatestIDLeavesRoomForAnother() throws {
        var (a, b) = (Dataset(), Dataset())
        a.categories = [Category(id: .max, name: "a")]
        b.categories = [Category(id: .max, name: "b")]
        let merged = try DatasetMerge.merge([("a", a), ("b", b)], renumbering: true).dataset
        #expect(merged.categories.map(\.id) == [.max, 1])
    }

    @Test func fieldsWithoutAPlaceAreTold() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(
            #"""
            {"videos": [], "images": [{"id": 1, "flickr_url": "x"}, {}], "annotations": [], "info": {},
             "categories": [{"id": 1, "name": "a", "keypoints": [], "sk\u0065leton": {"a": [1]}}]}
            """#.replacing("{}]", with: #"{"id": 2, "flickr_url": "", "date": 4}]"#), "a.json")
        let (dataset, unread) = try Dataset.reading(contentsOf: path)
        #expect(dataset.images.count == 2)
        #expect(unread.map(\.list) == ["", "categories", "categories", "images", "images"])
        #expect(unread.map(\.name) == ["videos", "keypoints", "skeleton", "date", "flickr_url"])
        #expect(unread.map(\.count) == [1, 1, 1, 1, 2])
        #expect(throws: AnnotationFileError.self) {
            try Dataset.reading(contentsOf: folder.write("{\"a\": ", "b"))
        }
    }

    @Test func lvisBecomesCOCO() throws {
        let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let lvis = try Dataset(contentsOf: fixtures.appending(path: "Fixtures/lvis/eval-small/gt.json").path)
        let (result, report) = try lvis.cocoFromLVIS()
        #expect(lvis.isFederated && !result.isFederated)
        #expect(result.annotationList == lvis.annotationList && result.categories == lvis.categories)
        #expect(report.entries.contains { $0.text.contains("neg_category_ids") && $0.count == 10 })

        var data = Dataset()
        data.images.append(
            ImageRecord(
                id: 4, width: 2, height: 2, cocoURL: "http://images.cocodataset.org/val2017/000000000004.jpg")
        )
        data.categories = [
            Category(id: 80, name: "cow", synset: "beef.n.01"),
            Category(id: 81, name: "drone", synset: "drone.n.04"),
        ]
        data.annotations.append(AnnotationRecord(id: 1, imageID: 4, categoryID: 80))
        data.annotations.append(AnnotationRecord(id: 2, imageID: 4, categoryID: 81))
        let (coco, losses) = try data.cocoFromLVIS(classes: .coco)
        #expect(coco.imageList.map(\.fileName) == ["val2017/000000000004.jpg"])
        #expect(coco.categories == [Category(id: 21, name: "cow")])
        #expect(coco.annotations.ids == [1] && coco.annotations.categoryIDs == [21])
        #expect(losses.entries.map(\.count).sorted() == [1, 1, 79])
        data.categories[0].synset = nil
        #expect(throws: COCOError.self) { try data.cocoFromLVIS(classes: .coco) }
    }
}
