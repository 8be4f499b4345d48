import COCO
import Foundation
import Support

/// Names of files that are made for pictures, each once.
package struct PictureNames {
    private var taken: Set<String> = []

    /// No names yet.
    package init() {}

    /// The stem and the path of each picture of a data set: see ``stem(of:pictures:)``.
    ///
    /// - Throws: `COCOError` for a name that leads out of the folder.
    static func places(
        of dataset: Dataset, pictures folder: String?
    ) throws -> [(stem: String, path: String)] {
        var names = PictureNames()
        return try (0..<dataset.images.count).map { try names.stem(of: dataset.images[$0], pictures: folder) }
    }

    /// The path of a picture below the folder of pictures, without its extension; with a number where another picture has
    /// the same. The last component leaves room for any ending that a format has.
    ///
    /// - Throws: `COCOError` for a name that leads out of the folder.
    package mutating func stem(of image: ImageRecord, pictures folder: String?) throws -> (
        stem: String, path: String
    ) {
        let path = try Self.path(of: image, pictures: folder)
        let suffix = Path.suffix(path)
        let whole = suffix.isEmpty ? path : String(path.dropLast(suffix.count + 1))
        let name = Path.name(whole)
        let folders = String(whole.dropLast(name.count))
        let room = suffix.utf8.count > 4 ? suffix : "json"
        return (folders + unused(name, in: folders, room: "." + room), path)
    }

    /// A name that nothing else in a folder has: the stem and the suffix; the stem has a number where the name is taken, and is
    /// shortened until a file system takes the name with `room` behind it.
    mutating func unused(_ stem: String, suffix: String = "", in folder: String, room: String) -> String {
        var (name, number) = (FileName.shortened(stem, ending: suffix + room) + suffix, 2)
        while !taken.insert((folder + name).lowercased()).inserted {
            let ending = "-\(number)" + suffix
            name = FileName.shortened(stem, ending: ending + room) + ending
            number += 1
        }
        return name
    }

    /// The name of a picture relative to a folder: its file name; for an absolute one, the part after the folder of the
    /// pictures, else the last component.
    static func path(of image: ImageRecord, pictures folder: String?) throws -> String {
        var path = image.path[...]
        if path.hasPrefix("/") {
            let absolute = folder.map { Path.standardized($0) + "/" }
            path =
                absolute.flatMap { path.hasPrefix($0) ? path.dropFirst($0.count) : nil } ?? path.split(
                    separator: "/"
                ).last ?? ""
        }
        // A file name comes from outside and must not lead out of the folder.
        guard !path.isEmpty, path.split(separator: "/").allSatisfy({ $0 != ".." }), !path.utf8.contains(0)
        else {
            throw COCOError(
                "\"\(image.path)\" is not a valid relative file name", subject: "image \(image.id)")
        }
        return String(path)
    }
}

/// Links pictures into a new folder, where the user has named theirs.
struct PictureLinks {
    private let folder: PictureFolder?

    init(_ options: FormatWritingOptions) { folder = options.pictures.map { PictureFolder(path: $0) } }

    /// Links a picture; nothing without a folder of pictures.
    ///
    /// - Throws: `AnnotationFileError` when the picture is not there.
    func link(_ image: ImageRecord, as name: String, in target: borrowing NewFolder) throws {
        guard let location = folder?.location(of: image) else { return }
        guard FileStatus(location)?.kind == .file else {
            throw AnnotationFileError(
                file: location, kind: .inaccessible, reason: "the picture does not exist")
        }
        try target.link(location, as: name)
    }
}
