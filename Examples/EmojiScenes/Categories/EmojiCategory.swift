import Foundation

/// A kind of thing that emoji show, under its Unicode name.
struct EmojiCategory: Sendable, Hashable {
    /// What a category is used for.
    enum Split: String, Sendable, Hashable, CaseIterable {
        /// The vision-language model and the detector are trained on it.
        case base
        /// The vision-language model knows it, the detector never sees its boxes.
        case novel
        /// Neither sees a drawing of it.
        case heldOut = "held-out"
    }

    /// The Unicode scalars, variation selectors included.
    let scalars: [UInt32]

    /// The Unicode short name, such as `fox`.
    let name: String

    /// The Unicode group, such as `Animals & Nature`.
    let group: String

    /// The Unicode subgroup, such as `animal-mammal`.
    let subgroup: String

    /// What it is used for.
    let split: Split

    /// CLDR's English keywords without the name.
    let keywords: [String]

    /// The text that fonts draw.
    var text: String {
        String(String.UnicodeScalarView(scalars.compactMap(Unicode.Scalar.init)))
    }

    /// The names that vendors give to its drawing: scalars in hexadecimal, with and without variation selectors and
    /// joiners.
    var fileStems: [String] {
        [[], [0xFE0F], [0xFE0F, 0x200D]].map { dropped in
            scalars.filter { !dropped.contains($0) }.map { String(format: "%04X", $0) }.joined(separator: "-")
        }
    }
}

/// The list of categories in the repository, in Unicode's order.
///
/// The rule behind it: the fully qualified entries of Unicode 15's `emoji-test.txt` outside of smileys, people, symbols
/// and flags, without clock faces, of which all three vendors have a drawing (627). The first 400 by the MD5 of their
/// code points (upper-case hexadecimal, joined by spaces) are used; of these, within each group and in the same order,
/// every fourth one from the first is novel (102), the others are base (298). The remaining 227 are held out.
struct CategoryList: Sendable {
    /// All categories.
    let all: [EmojiCategory]

    /// Those that the vision-language model is trained on: base and novel.
    var known: [EmojiCategory] { all.filter { $0.split != .heldOut } }

    /// The list of the repository.
    /// - Throws: ``EmojiScenesError`` when it is not there or damaged.
    init() throws {
        guard let url = Bundle.module.url(forResource: "categories", withExtension: "tsv") else {
            throw EmojiScenesError("categories.tsv", reason: "is missing beside the executable: build again")
        }
        try self.init(text: String(contentsOf: url, encoding: .utf8))
    }

    /// A list in the form of the repository's: a line a category, tabs between its fields, a first line of titles.
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
