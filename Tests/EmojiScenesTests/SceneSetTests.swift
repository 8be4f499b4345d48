import COCO
import Foundation
import Imaging
import Testing

@testable import EmojiScenes

struct SceneSetTests {
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    private func bytes(_ folder: String) throws -> [String: Data] {
        let files = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        var result: [String: Data] = [:]
        for file in files where file.contains(".") {
            result[file] = try Data(contentsOf: URL(filePath: folder + "/" + file))
        }
        return result
    }

    @Test func theSameSeedGivesTheSameBytes() throws {
        try withFolder { folder in
            let set = SceneSet(name: "train", count: 3, novelObjects: .absent)
            for (place, seed) in [("a", UInt64(1)), ("b", 1), ("c", 2)] {
                try set.render(
                    glyphs: SyntheticGlyphs.set(), side: 96, seed: seed, folder: "\(folder)/\(place)")
            }
            let (first, second, third) = (
                try bytes(folder + "/a"), try bytes(folder + "/b"), try bytes(folder + "/c")
            )
            #expect(first.count == 4)
            #expect(first == second)
            #expect(first != third)
        }
    }

    @Test func partsOfTheDataSetDiffer() throws {
        try withFolder { folder in
            for name in ["train", "test"] {
                try SceneSet(name: name, count: 2, novelObjects: .labeled).render(
                    glyphs: SyntheticGlyphs.set(), side: 96, seed: 1, folder: folder)
            }
            let files = try bytes(folder)
            #expect(files["train/000000.jpg"] != nil)
            #expect(files["train/000000.jpg"] != files["test/000000.jpg"])
        }
    }

    @Test(arguments: SceneSet.NovelObjects.allCases)
    func novelCategoriesAreTreatedAsAsked(novel: SceneSet.NovelObjects) throws {
        try withFolder { folder in
            let glyphs = SyntheticGlyphs.set()
            try SceneSet(name: "train", count: 8, novelObjects: novel).render(
                glyphs: glyphs, side: 96, seed: 1, folder: folder)
            let dataset = try Dataset(contentsOf: folder + "/train.json")
            #expect(dataset.images.count == 8)
            #expect(dataset.categories.map(\.name) == glyphs.categories.map(\.name))
            let novelIDs = Set(
                glyphs.categories.indices.filter { glyphs.categories[$0].split == .novel }.map {
                    Int64($0 + 1)
                })
            let hasNovel = dataset.annotations.categoryIDs.contains { novelIDs.contains($0) }
            #expect(hasNovel == (novel == .labeled))
            for row in 0..<dataset.annotations.count {
                let annotation = dataset.annotations[row]
                let segmentation = try #require(annotation.segmentation)
                let mask = try RunLengthMask(segmentation, height: 96, width: 96)
                #expect(annotation.area == Double(mask.area))
                #expect(annotation.box == mask.box)
            }
            let picture = try Image(contentsOf: folder + "/train/000003.jpg")
            #expect(picture.size == ImageSize(width: 96, height: 96))
        }
    }
}
