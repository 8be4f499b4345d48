/// The one rule by which every command tells pictures from other files of a folder: their extension.
///
/// A file that is named is read whatever it is called; what it holds then decides.
package enum PictureExtensions {
    /// The extensions, in lower case: those that the formats which can be decoded go by.
    package static let all: Set<String> = [
        "jpg", "jpeg", "jpe", "jfif", "mpo", "png", "webp", "gif", "tif", "tiff", "heic", "heif", "avif",
    ]

    /// Whether a file of this name or path is a picture. Hidden files, such as the `._a.jpg` that macOS leaves beside
    /// `a.jpg`, are none.
    package static func isPicture(_ path: String) -> Bool {
        let name = path[(path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex)...]
        return !name.hasPrefix(".") && all.contains(of(path))
    }

    /// The extension of a path in lower case, without the dot; empty when there is none.
    package static func of(_ path: String) -> String {
        let name = path[(path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex)...]
        guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return "" }
        return name[name.index(after: dot)...].lowercased()
    }
}
