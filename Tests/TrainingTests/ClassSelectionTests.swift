import COCO
import Testing

@testable import Training

@Suite struct ClassSelectionTests {
    private var coco: Dataset {
        var dataset = Dataset()
        dataset.categories = OpenVocabularySplit.cocoNames.sorted { $0.key < $1.key }
            .map { Category(id: $0.key, name: $0.value) }
        return dataset
    }

    @Test func all() throws { #expect(try ClassSelection.all.categoryIDs(in: coco).count == 80) }

    @Test func baseClassesOfTheSplit() throws {
        let ids = try ClassSelection.split(.coco48x17).categoryIDs(in: coco)
        #expect(ids.count == 48 && Set(ids).isDisjoint(with: OpenVocabularySplit.coco17))
    }

    @Test func lvis() throws {
        var dataset = Dataset()
        dataset.categories = [
            Category(id: 3, name: "a", frequency: .frequent), Category(id: 9, name: "b", frequency: .rare),
            Category(id: 4, name: "c", frequency: .common),
        ]
        #expect(try ClassSelection.split(.lvisBaseRare).categoryIDs(in: dataset) == [3, 4])
    }

    @Test func lists() throws {
        #expect(try ClassSelection.only(["cat", "person"]).categoryIDs(in: coco) == [1, 17])
        #expect(try ClassSelection.excluding(["cat"]).categoryIDs(in: coco).count == 79)
    }

    @Test func faultsAreNamed() {
        func text(_ selection: ClassSelection) -> String {
            message { _ = try selection.categoryIDs(in: coco) }
        }
        #expect(
            message { _ = try TrainingConfiguration(yaml: "data: {split: coco}") }
                .contains("data.split: must be one of ovd48-17, lvis-base-rare, lvis"))
        #expect(text(.only(["cat", "unicorn"])).contains("'unicorn'"))
        #expect(text(.only([])).contains("no class"))
        #expect(text(.split(.lvisBaseRare)).contains("frequency"))
    }
}
