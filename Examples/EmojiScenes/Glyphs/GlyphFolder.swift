import CGlyphs
import Foundation

/// The folder that `Tools/setup-emoji` fills with vendors' drawings.
struct GlyphFolder: Sendable {
    /// Where it is.
    let path: String

    /// A longest side in pixels that drawings are not smaller than by much; no scene shows a larger one.
    private static let side = 136.0

    /// Noto's bitmaps have this size and are best at it.
    private static let notoSize: Int32 = 109

    private static let isStarted: Bool = glyphs_start() == 0

    /// A folder.
    /// - Throws: ``EmojiScenesError`` when there is none.
    init(path: String) throws {
        guard Self.exists(path) else {
            throw EmojiScenesError(
                path, reason: "holds no drawings: run Tools/setup-emoji, or name the folder with --glyphs")
        }
        self.path = path
    }

    /// Whether drawings were fetched into a folder.
    static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path + "/ready") }

    /// The drawing of a category by a vendor.
    /// - Throws: ``EmojiScenesError`` when there is none.
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
            guard let file = files.first(where: FileManager.default.fileExists(atPath:)) else {
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
