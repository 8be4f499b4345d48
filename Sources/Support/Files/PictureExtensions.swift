/// The rule by which every command recognizes the pictures in a folder: their extension.
///
/// A file that is named explicitly is read regardless of its name; then its contents decide.
package enum PictureExtensions {
    /// The extensions of all formats that can be decoded, in lower case.
    package static let all: Set<String> = [
        "jpg", "jpeg", "jpe", "jfif", "mpo", "png", "webp", "gif", "tif", "tiff", "heic", "heif", "avif",
    ]

    /// Whether a file name or path belongs to a picture. Hidden files, such as the `._a.jpg` that macOS creates next to
    /// `a.jpg`, do not count.
    package static func isPicture(_ path: String) -> Bool {
        let name = path[(path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex)...]
        return !name.hasPrefix(".") && all.contains(of(path))
    }

    /// The extension of a path in lower case, without the dot; empty if there is none.
    package static func of(_ path: String) -> String {
        let name = path[(path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex)...]
        guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return "" }
        return name[name.index(after: dot)...].lowercased()
    }
}
