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

    /// Where the picture of an image should lie, nil when the image names no file.
    ///
    /// LVIS files name the pictures by address only, from which the last two parts are taken
    /// (`val2017/000000397133.jpg`); the folder may be the one that holds `val2017` or `val2017` itself.
    public func location(of image: ImageRecord) -> String? {
        let name = image.path
        guard !name.isEmpty else { return nil }
        let place = path + "/" + name
        guard image.fileName.isEmpty, !FileManager.default.fileExists(atPath: place) else { return place }
        let direct = path + "/" + (name.split(separator: "/").last.map(String.init) ?? name)
        return FileManager.default.fileExists(atPath: direct) ? direct : place
    }

    /// The paths of all images of a table, nil for those that name no file.
    func locations(of images: ImageTable) -> [String?] {
        (0..<images.count).map { location(of: images[$0]) }
    }
}
