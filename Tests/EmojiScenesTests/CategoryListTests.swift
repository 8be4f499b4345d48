import Testing

@testable import EmojiScenes

struct CategoryListTests {
    @Test func countsAreThoseOfTheStatedRule() throws {
        let list = try CategoryList()
        #expect(list.all.count == 627)
        #expect(list.known.count == 400)
        let counts = Dictionary(grouping: list.all, by: \.split).mapValues(\.count)
        #expect(counts == [.base: 298, .novel: 102, .heldOut: 227])
        // Every fourth of a group, counted from the first: a quarter, rounded up.
        for (group, members) in Dictionary(grouping: list.known, by: \.group) {
            #expect(members.count { $0.split == .novel } == (members.count + 3) / 4, "\(group)")
        }
    }

    @Test func namesAndScalarsAreDistinct() throws {
        let list = try CategoryList()
        #expect(Set(list.all.map(\.name)).count == list.all.count)
        #expect(Set(list.all.map(\.scalars)).count == list.all.count)
        #expect(list.all.allSatisfy { !$0.scalars.isEmpty && !$0.name.isEmpty })
    }

    @Test func damagedListsAreRefusedWithTheLine() {
        #expect {
            try CategoryList(text: "titles\n1F98A\tfox\tAnimals\tmammal\tbase\tface\n1F98A\tfox\tAnimals")
        } throws: { "\($0)".contains("line 3") }
    }

    @Test func fileNamesDropSelectorsAndJoiners() {
        let category = EmojiCategory(
            scalars: [0x1F441, 0xFE0F, 0x200D, 0x1F5E8], name: "eye", group: "", subgroup: "", split: .base,
            keywords: [])
        #expect(category.fileStems == ["1F441-FE0F-200D-1F5E8", "1F441-200D-1F5E8", "1F441-1F5E8"])
    }

    @Test func synonymsBelongToOneCategoryAlone() throws {
        let book = CaptionBook(categories: try CategoryList().known)
        var owners: [String: Int] = [:]
        for (index, synonyms) in book.synonyms.enumerated() {
            for synonym in synonyms {
                // CLDR lists some keywords of one emoji twice, in other letters.
                #expect(
                    owners.updateValue(index, forKey: synonym.lowercased()) ?? index == index, "\(synonym)")
                #expect(
                    !book.categories.contains { $0.name.lowercased() == synonym.lowercased() }, "\(synonym)")
            }
        }
        #expect(owners.count > 100)
    }
}
