import COCO
import Support

/// The files below a folder.
enum FolderFiles {
    /// The paths below a folder of the files with a suffix, sorted; hidden ones do not count.
    static func below(_ folder: String, suffix: String) throws -> [String] {
        var result: [String] = []
        func walk(_ path: String, _ prefix: String, _ depth: Int) throws(FileFailure) {
            for entry in try FolderEntry.all(in: path) where !entry.name.hasPrefix(".") {
                if entry.isFolder {
                    if depth < 20 { try walk("\(path)/\(entry.name)", "\(prefix)\(entry.name)/", depth + 1) }
                } else if Path.suffix(entry.name) == suffix {
                    result.append(prefix + entry.name)
                }
            }
        }
        do { try walk(folder, "", 0) } catch { throw AnnotationFileError(error) }
        return result
    }
}
