/// Vendors' drawings of categories, in memory.
struct GlyphSet: Sendable {
    /// The categories, in the order of the drawings.
    let categories: [EmojiCategory]

    /// The vendors.
    let styles: [GlyphStyle]

    /// By style, then by category.
    private let glyphs: [[Glyph]]

    /// Renders all drawings (about three seconds for 800).
    /// - Throws: ``EmojiScenesError`` if one is missing.
    init(_ folder: GlyphFolder, categories: [EmojiCategory], styles: [GlyphStyle]) throws {
        try self.init(categories: categories, styles: styles) { try folder.glyph(of: $0, style: $1) }
    }

    /// Creates a set from existing drawings.
    init(
        categories: [EmojiCategory], styles: [GlyphStyle],
        _ glyph: (EmojiCategory, GlyphStyle) throws -> Glyph
    ) rethrows {
        self.categories = categories
        self.styles = styles
        glyphs = try styles.map { style in try categories.map { try glyph($0, style) } }
    }

    /// The drawing of a category, by indices into both lists.
    func glyph(style: Int, category: Int) -> Glyph { glyphs[style][category] }
}
