import Foundation

/// A kind of thing that an emoji depicts, under its Unicode name.
struct EmojiCategory: Sendable, Hashable {
    /// The use of a category.
    enum Split: String, Sendable, Hashable, CaseIterable {
        /// The vision-language model and the detector are trained on it.
        case base
        /// The vision-language model is trained on it, the detector is not.
        case novel
        /// Neither is trained on it.
        case heldOut = "held-out"
    }

    /// The Unicode scalars, including variation selectors.
    let scalars: [UInt32]

    /// The Unicode short name, such as `fox`.
    let name: String

    /// The Unicode group, such as `Animals & Nature`.
    let group: String

    /// The Unicode subgroup, such as `animal-mammal`.
    let subgroup: String

    /// The split of the category.
    let split: Split

    /// CLDR's English keywords, without the name.
    let keywords: [String]

    /// The text that a font draws.
    var text: String {
        String(String.UnicodeScalarView(scalars.compactMap(Unicode.Scalar.init)))
    }

    /// The file names that vendors use for its drawing: scalars in hexadecimal, with and without variation selectors
    /// and joiners.
    var fileStems: [String] {
        [[], [0xFE0F], [0xFE0F, 0x200D]].map { dropped in
            scalars.filter { !dropped.contains($0) }.map { String(format: "%04X", $0) }.joined(separator: "-")
        }
    }
}

/// The list of categories in the repository, in Unicode's order.
///
/// The rule behind it: the 627 fully qualified entries of Unicode 15's `emoji-test.txt` outside of smileys, people,
/// symbols and flags, without clock faces, for which all three vendors have a drawing. The first 400 by the MD5 of
/// their code points (upper-case hexadecimal, joined by spaces) are used; of these, within each group and in the same
/// order, every fourth one starting with the first is novel (102), the others are base (298). The remaining 227 are
/// held out.
struct CategoryList: Sendable {
    /// All categories.
    let all: [EmojiCategory]

    /// The categories that the vision-language model is trained on: base and novel.
    var known: [EmojiCategory] { all.filter { $0.split != .heldOut } }

    /// Loads the list in the repository.
    /// - Throws: ``EmojiScenesError`` if it is missing or damaged.
    init() throws {
        guard let url = Bundle.module.url(forResource: "categories", withExtension: "tsv") else {
            throw EmojiScenesError("categories.tsv", reason: "is missing next to the executable: build again")
        }
        try self.init(text: String(contentsOf: url, encoding: .utf8))
    }

    /// Parses a list in the format of the repository's: one line per category, tab-separated fields, a first line of
    /// titles.
    init(text: String) throws {
        all = try text.split(separator: "\n").dropFirst().enumerated().map { index, line in
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 6, let split = EmojiCategory.Split(rawValue: fields[4]) else {
                throw EmojiScenesError(
                    "categories.tsv, line \(index + 2)", reason: "does not have the six fields")
            }
            return EmojiCategory(
                scalars: fields[0].split(separator: " ").compactMap { UInt32($0, radix: 16) },
                name: fields[1],
                group: fields[2], subgroup: fields[3], split: split,
                keywords: fields[5].split(separator: "|").map(String.init))
        }
    }
}
