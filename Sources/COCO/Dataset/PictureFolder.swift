import Foundation
import Support

/// The size of a picture file.
public struct PictureSize: Sendable, Hashable {
    /// The width of the upright picture in pixels.
    public var width: Int

    /// The height of the upright picture in pixels.
    public var height: Int

    /// Whether applying the EXIF orientation swaps the stored width and height.
    public var isStoredTransposed: Bool

    /// Creates a size.
    public init(width: Int, height: Int, isStoredTransposed: Bool = false) {
        self.width = width
        self.height = height
        self.isStoredTransposed = isStoredTransposed
    }
}

/// The folder with the pictures of a data set.
public struct PictureFolder: Sendable {
    /// The path of the folder.
    public var path: String

    /// Reads the size of the picture at a path; nil if the program cannot decode pictures, which skips the checks of
    /// sizes. Called on several threads at once.
    public var size: (@Sendable (String) throws -> PictureSize)?

    /// Creates a folder.
    public init(path: String, size: (@Sendable (String) throws -> PictureSize)? = nil) {
        self.path = path
        self.size = size
    }

    /// The path of an image's picture; nil if the image has no file name. All code that looks for pictures uses this
    /// rule.
    ///
    /// A relative name is resolved against the folder; an absolute one is used unchanged. If no such file exists:
    ///
    /// * The folder may already be the one that the name begins with: `val2017` for `val2017/000000397133.jpg`.
    /// * LVIS files name the pictures only by address; the folder may then be any that contains the file.
    ///
    /// If none of these files exists, the first path is returned, for messages.
    public func location(of image: ImageRecord) -> String? {
        let name = image.path
        guard !name.isEmpty else { return nil }
        if name.hasPrefix("/") { return name }
        let base = path.isEmpty ? "" : path.hasSuffix("/") ? path : path + "/"
        let place = base + name
        // A name without a folder has no alternatives.
        guard name.utf8.contains(UInt8(ascii: "/")), !Self.exists(place) else { return place }
        // A backslash can be part of a file name on this system.
        if image.fileName.contains("\\"), Self.exists(base + image.fileName) { return base + image.fileName }
        if let rest = remainder(of: name), Self.exists(base + rest) { return base + rest }
        if image.fileName.isEmpty, let last = name.split(separator: "/").last, Self.exists(base + last) {
            return base + last
        }
        return place
    }

    /// Makes sure that there is a folder.
    ///
    /// - Throws: ``AnnotationFileError``; the folder is named by the command, so that the status is that of a missing file.
    public func check() throws(AnnotationFileError) {
        guard let kind = FileStatus(path.isEmpty ? "." : path)?.kind else {
            throw AnnotationFileError(FileFailure(path, "the folder of the pictures cannot be opened"))
        }
        guard kind == .folder else {
            throw AnnotationFileError(
                file: path, kind: .inaccessible,
                reason: "is not a folder; the folder of the pictures is needed")
        }
    }

    private static func exists(_ path: String) -> Bool { FileStatus(path) != nil }

    /// The rest of a name after the leading components that the folder's path ends with; nil if there are none.
    private func remainder(of name: String) -> String? {
        let folder = Path.standardized(path.isEmpty ? "." : path).split(separator: "/")
        let parts = name.split(separator: "/")
        let shared = (1..<parts.count).reversed().first { folder.suffix($0) == parts.prefix($0) }
        return shared.map { parts.dropFirst($0).joined(separator: "/") }
    }

    /// The paths of all images of a table; nil for those without a file name.
    func locations(of images: ImageTable) -> [String?] {
        (0..<images.count).map { location(of: images[$0]) }
    }
}
