import COCO
import Support

/// The files below a folder.
enum FolderFiles {
    /// The paths below a folder of the files with a suffix, in the order of `Folder.files`; hidden ones do not count.
    static func below(_ folder: String, suffix: String) throws -> [String] {
        try all(below: folder).filter { Path.suffix($0) == suffix }
    }

    /// The paths of all files below a folder.
    static func all(below folder: String) throws -> [String] {
        do { return try Folder.files(below: folder) } catch { throw AnnotationFileError(error) }
    }
}
