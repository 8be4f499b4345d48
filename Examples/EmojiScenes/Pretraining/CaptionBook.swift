/// Captions for pictures of a category: its name or a keyword, in a sentence.
struct CaptionBook: Sendable {
    /// The categories, in the order of the labels.
    let categories: [EmojiCategory]

    /// For every category, its synonyms: the keywords that no other category has as a name or keyword.
    let synonyms: [[String]]

    /// Sentence templates; `{}` is replaced by the thing.
    static let templates = [
        "{}", "a {}", "the {}", "a photo of a {}", "a photo of the {}", "a picture of a {}",
        "an image of a {}",
        "a drawing of a {}", "a cartoon of the {}", "an emoji of a {}", "a small {}", "a large {}",
        "a photo of a small {}",
        "a photo of a large {}", "a cropped photo of the {}", "a blurry photo of a {}",
        "a bright photo of the {}",
        "a dark photo of a {}", "there is a {} in the scene", "there is the {} in the scene", "this is a {}",
        "a close-up photo of the {}", "a {} in the scene", "a photo of one {}", "itap of a {}",
        "a rendering of a {}",
        "a low resolution photo of the {}", "a good photo of a {}", "a {} on a colorful background",
    ]

    /// The template used in tests.
    static let prompt = "a photo of a {}."

    /// Creates a book of these categories.
    init(categories: [EmojiCategory]) {
        self.categories = categories
        var uses: [String: Int] = [:]
        for category in categories {
            for word in Set(([category.name] + category.keywords).map { $0.lowercased() }) {
                uses[word, default: 0] += 1
            }
        }
        synonyms = categories.map { category in category.keywords.filter { uses[$0.lowercased()] == 1 } }
    }

    /// A sentence about something.
    static func sentence(_ thing: String, _ template: String) -> String {
        template.split(separator: "{}", maxSplits: 1, omittingEmptySubsequences: false).joined(
            separator: thing)
    }

    /// A random caption of a category: with its name or a synonym, sometimes with a keyword added; half of them end
    /// with a full stop, like the usual prompts.
    func caption(_ category: Int, _ random: inout RandomStream) -> String {
        let template = Self.templates[random.index(Self.templates.count)]
        let (entry, synonyms) = (categories[category], synonyms[category])
        let choice = random.unit()
        let end = random.chance(0.5) ? "." : ""
        if choice < 0.3, !synonyms.isEmpty {
            return Self.sentence(synonyms[random.index(synonyms.count)], template) + end
        }
        if choice > 0.85, !entry.keywords.isEmpty {
            return Self.sentence(entry.name, template) + ", "
                + entry.keywords[random.index(entry.keywords.count)] + end
        }
        return Self.sentence(entry.name, template) + end
    }

    /// All words that captions consist of, for learning tokens.
    static func texts(of categories: [EmojiCategory]) -> [String] {
        templates + categories.flatMap { [$0.name, $0.name, $0.name] + $0.keywords }
    }
}
