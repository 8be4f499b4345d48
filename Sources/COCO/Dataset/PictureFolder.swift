import Foundation

/// The size of a picture in a file.
public struct PictureSize: Sendable, Hashable {
    /// The width of the upright picture in pixels.
    public var width: Int

    /// The height of the upright picture in pixels.
    public var height: Int

    /// Whether turning the stored picture upright, as its EXIF orientation asks for, swaps width and height.
    public var isStoredTransposed: Bool

    /// A size; see the properties.
    public init(width: Int, height: Int, isStoredTransposed: Bool = false) {
        self.width = width
        self.height = height
        self.isStoredTransposed = isStoredTransposed
    }
}

/// The folder that holds the pictures of a data set.
public struct PictureFolder: Sendable {
    /// The path of the folder.
    public var path: String

    /// Reads the size of a picture, given its path; nil when nothing here can read pictures, which leaves the
    /// checks of sizes out. Called on several threads at once.
    public var size: (@Sendable (String) throws -> PictureSize)?

    /// A folder; see the properties.
    public init(path: String, size: (@Sendable (String) throws -> PictureSize)? = nil) {
        self.path = path
        self.size = size
    }

    /// Where the picture of an image lies, nil when the image names no file. The one rule for all that looks for
    /// pictures.
    ///
    /// A relative name is below the folder, an absolute one stands for itself. Where no such file exists:
    ///
    /// * The folder may be the one that the name begins with: `val2017` for `val2017/000000397133.jpg`.
    /// * LVIS files name the pictures by address only; the folder may then be any that holds the file.
    ///
    /// When there is no file by any of these, the first place is returned, for messages.
    public func location(of image: ImageRecord) -> String? {
        let name = image.path
        guard !name.isEmpty else { return nil }
        if name.hasPrefix("/") { return name }
        let base = path.isEmpty ? "" : path.hasSuffix("/") ? path : path + "/"
        let place = base + name
        // A name without a folder leaves nothing else to look at.
        guard name.utf8.contains(UInt8(ascii: "/")), !Self.exists(place) else { return place }
        // A backslash may be part of a name here.
        if image.fileName.contains("\\"), Self.exists(base + image.fileName) { return base + image.fileName }
        if let rest = remainder(of: name), Self.exists(base + rest) { return base + rest }
        if image.fileName.isEmpty, let last = name.split(separator: "/").last, Self.exists(base + last) {
            return base + last
        }
        return place
    }

    private static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    /// What is left of a name without the parts at its beginning that the folder's path ends with; nil when there are
    /// none.
    private func remainder(of name: String) -> String? {
        let folder = URL(filePath: path.isEmpty ? "." : path).standardizedFileURL.path.split(separator: "/")
        let parts = name.split(separator: "/")
        let shared = (1..<parts.count).reversed().first { folder.suffix($0) == parts.prefix($0) }
        return shared.map { parts.dropFirst($0).joined(separator: "/") }
    }

    /// The paths of all images of a table, nil for those that name no file.
    func locations(of images: ImageTable) -> [String?] {
        (0..<images.count).map { location(of: images[$0]) }
    }
}
