/// A vendor's drawings.
enum GlyphStyle: String, Sendable, CaseIterable {
    /// Google's Noto Color Emoji.
    case noto
    /// OpenMoji.
    case openmoji
    /// EmojiOne 3: no training sees it.
    case emojione

    /// The styles that training uses.
    static let seen: [GlyphStyle] = [.noto, .openmoji]

    /// The style that only tests use.
    static let unseen = GlyphStyle.emojione
}
