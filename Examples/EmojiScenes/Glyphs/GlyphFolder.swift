import CGlyphs
import Foundation
import Support

/// The folder of vendors' drawings that `Tools/setup-emoji` creates.
struct GlyphFolder: Sendable {
    /// The path of the folder.
    let path: String

    /// The approximate minimum of a drawing's longest side in pixels; no scene shows a larger one.
    private static let side = 136.0

    /// The size of Noto's bitmaps, which look best unscaled.
    private static let notoSize: Int32 = 109

    private static let isStarted: Bool = glyphs_start() == 0

    /// Opens a folder.
    /// - Throws: ``EmojiScenesError`` if it does not exist.
    init(path: String) throws {
        guard Self.exists(path) else {
            throw EmojiScenesError(
                path, reason: "contains no drawings: run Tools/setup-emoji, or pass the folder with --glyphs")
        }
        self.path = path
    }

    /// Whether a folder contains the downloaded drawings.
    static func exists(_ path: String) -> Bool { FileStatus(path + "/ready") != nil }

    /// A vendor's drawing of a category.
    /// - Throws: ``EmojiScenesError`` if there is none.
    func glyph(of category: EmojiCategory, style: GlyphStyle) throws -> Glyph {
        guard Self.isStarted else { throw EmojiScenesError("libvips", reason: Self.takenError()) }
        var picture = glyphs_picture()
        let status: Int32
        switch style {
        case .noto:
            status = glyphs_render_text(
                category.text, "Noto Color Emoji", path + "/noto/NotoColorEmoji.ttf", Self.notoSize, &picture)
        case .openmoji, .emojione:
            let files = category.fileStems.map { "\(path)/\(style.rawValue)/\($0).svg" }
            guard let file = files.first(where: { FileStatus($0) != nil }) else {
                throw EmojiScenesError(category.name, reason: "\(style.rawValue) has no drawing \(files[0])")
            }
            status = glyphs_render_svg(file, Self.side, &picture)
        }
        guard status == 0, let pixels = picture.rgba else {
            throw EmojiScenesError("\(category.name) (\(style.rawValue))", reason: Self.takenError())
        }
        defer { glyphs_free(pixels) }
        let (width, height) = (Int(picture.width), Int(picture.height))
        guard
            let glyph = Glyph(
                width: width, height: height,
                rgba: UnsafeBufferPointer(start: pixels, count: width * height * 4))
        else {
            throw EmojiScenesError("\(category.name) (\(style.rawValue))", reason: "the drawing is empty")
        }
        return glyph
    }

    private static func takenError() -> String {
        guard let text = glyphs_take_error() else { return "" }
        defer { glyphs_free(text) }
        return String(cString: text).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
