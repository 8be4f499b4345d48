import Support
import Foundation

/// A text around a class name, whose position is marked with `{}`.
public struct PromptTemplate: Sendable, Hashable {
    /// The text with its `{}`.
    public let text: String

    /// Creates a template.
    ///
    /// - Throws: ``CLIPError`` unless `{}` occurs exactly once.
    public init(_ text: String) throws {
        guard text.ranges(of: "{}").count == 1 else {
            throw CLIPError(reason: "the template '\(text)' must contain {} exactly once, for the class name")
        }
        self.text = text
    }

    init(trusted text: String) { self.text = text }

    /// The text with a class name inserted.
    ///
    /// - Parameters:
    ///   - name: The class's name.
    ///   - article: The treatment of an `a` right before the name.
    public func prompt(for name: String, article: Article = .asWritten) -> String {
        guard let place = text.firstRange(of: "{}") else { return text }
        var before = String(text[..<place.lowerBound])
        if article == .english, before == "a " || before.hasSuffix(" a "), Article.takesAn(name) {
            before.removeLast()
            before += "n "
        }
        return before + name + text[place.upperBound...]
    }
}

/// The treatment of a template's indefinite article.
public enum Article: String, Sendable, Hashable, CaseIterable {
    /// Unchanged, as in the prompts behind CLIP's and F-VLM's published numbers: "a photo of a apple."
    case asWritten = "as-written"

    /// `an` before a name that starts with a vowel letter, as in ViLD's prompts. Pronunciation is ignored: "an
    /// unicycle", "a hourglass".
    case english

    static func takesAn(_ name: String) -> Bool {
        name.lowercased().first.map { "aeiou".contains($0) } ?? false
    }
}

/// Templates whose embeddings are averaged for each class.
public struct PromptTemplates: Sendable, Hashable {
    /// A name for display and files.
    public let name: String

    /// The templates, at least one.
    public let templates: [PromptTemplate]

    /// Creates a set of templates.
    ///
    /// - Throws: ``CLIPError`` if there are none, one occurs twice, or one lacks its `{}`.
    public init(name: String, _ texts: [String]) throws {
        guard !texts.isEmpty else { throw CLIPError(reason: "the set '\(name)' has no templates") }
        var seen: Set<String> = []
        if let twice = texts.first(where: { !seen.insert($0).inserted }) {
            throw CLIPError(reason: "the template '\(twice)' occurs twice in the set '\(name)'")
        }
        self.name = name
        templates = try texts.map { try PromptTemplate($0) }
    }

    init(name: String, trusted texts: [String]) {
        self.name = name
        templates = texts.map { PromptTemplate(trusted: $0) }
    }

    /// `a photo of a {}.` alone.
    public static let single = PromptTemplates(name: "single", trusted: ["a photo of a {}."])

    /// The set of this name (`single`, `imagenet-80`), otherwise the file at this path: one template per line; empty
    /// lines and lines that start with `#` are skipped.
    ///
    /// - Throws: ``CLIPError`` with the path.
    public init(named name: String) throws {
        if let known = [Self.single, .imageNet].first(where: { $0.name == name }) {
            self = known
            return
        }
        let lines: [String]
        do {
            lines = try ClassNames.lines(contentsOf: name)
        } catch let error as CLIPError where error.exitStatus == .failure {
            throw CLIPError(
                name,
                reason: "is neither 'single' nor 'imagenet-80' nor a readable file of templates",
                exitStatus: .failure)
        }
        do {
            try self.init(name: Path.name(name), lines)
        } catch let error as CLIPError {
            throw CLIPError(name, reason: error.reason)
        }
    }

    /// The prompts for a class name, one per template.
    public func prompts(for name: String, article: Article = .asWritten) -> [String] {
        templates.map { $0.prompt(for: name, article: article) }
    }
}

extension PromptTemplates {
    /// The 80 templates that OpenAI published for ImageNet (notebook `Prompt_Engineering_for_ImageNet` of
    /// openai/CLIP), in their order and wording. F-VLM uses them too.
    public static let imageNet = PromptTemplates(name: "imagenet-80", trusted: imageNetTexts)

    private static let imageNetTexts = [
        "a bad photo of a {}.",
        "a photo of many {}.",
        "a sculpture of a {}.",
        "a photo of the hard to see {}.",
        "a low resolution photo of the {}.",
        "a rendering of a {}.",
        "graffiti of a {}.",
        "a bad photo of the {}.",
        "a cropped photo of the {}.",
        "a tattoo of a {}.",
        "the embroidered {}.",
        "a photo of a hard to see {}.",
        "a bright photo of a {}.",
        "a photo of a clean {}.",
        "a photo of a dirty {}.",
        "a dark photo of the {}.",
        "a drawing of a {}.",
        "a photo of my {}.",
        "the plastic {}.",
        "a photo of the cool {}.",
        "a close-up photo of a {}.",
        "a black and white photo of the {}.",
        "a painting of the {}.",
        "a painting of a {}.",
        "a pixelated photo of the {}.",
        "a sculpture of the {}.",
        "a bright photo of the {}.",
        "a cropped photo of a {}.",
        "a plastic {}.",
        "a photo of the dirty {}.",
        "a jpeg corrupted photo of a {}.",
        "a blurry photo of the {}.",
        "a photo of the {}.",
        "a good photo of the {}.",
        "a rendering of the {}.",
        "a {} in a video game.",
        "a photo of one {}.",
        "a doodle of a {}.",
        "a close-up photo of the {}.",
        "a photo of a {}.",
        "the origami {}.",
        "the {} in a video game.",
        "a sketch of a {}.",
        "a doodle of the {}.",
        "a origami {}.",
        "a low resolution photo of a {}.",
        "the toy {}.",
        "a rendition of the {}.",
        "a photo of the clean {}.",
        "a photo of a large {}.",
        "a rendition of a {}.",
        "a photo of a nice {}.",
        "a photo of a weird {}.",
        "a blurry photo of a {}.",
        "a cartoon {}.",
        "art of a {}.",
        "a sketch of the {}.",
        "a embroidered {}.",
        "a pixelated photo of a {}.",
        "itap of the {}.",
        "a jpeg corrupted photo of the {}.",
        "a good photo of a {}.",
        "a plushie {}.",
        "a photo of the nice {}.",
        "a photo of the small {}.",
        "a photo of the weird {}.",
        "the cartoon {}.",
        "art of the {}.",
        "a drawing of the {}.",
        "a photo of the large {}.",
        "a black and white photo of a {}.",
        "the plushie {}.",
        "a dark photo of a {}.",
        "itap of a {}.",
        "graffiti of the {}.",
        "a toy {}.",
        "itap of my {}.",
        "a photo of a cool {}.",
        "a photo of a small {}.",
        "a tattoo of the {}.",
    ]
}
