/// A vendor's drawings.
enum GlyphStyle: String, Sendable, CaseIterable {
    /// Google's Noto Color Emoji.
    case noto
    /// OpenMoji.
    case openmoji
    /// EmojiOne 3, which is never trained on.
    case emojione

    /// The styles that training uses.
    static let seen: [GlyphStyle] = [.noto, .openmoji]

    /// The style used only in tests.
    static let unseen = GlyphStyle.emojione
}
