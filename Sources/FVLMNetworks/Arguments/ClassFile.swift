import CLIP
import COCO
import Support

/// The classes of `--classes-file`: lines of text, or the categories of an annotation file.
struct ClassFile {
    let classes: [Vocabulary.Class]

    /// Reads a file; `-` stands for standard input.
    /// - Throws: `CLIPError`, `AnnotationFileError`, `FileFailure`.
    init(path: String) throws {
        let file: FileBytes
        do { file = try FileBytes(contentsOf: path, access: .read) } catch { throw CLIPError(error) }
        // A class may be called [unknown].
        let start = TextFile.withoutMark(file.bytes).lazy.filter { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
            .prefix(2)
        guard ["{\"", "[{"].contains(where: { start.elementsEqual($0.utf8) }) else {
            let text: TextFile
            do { text = try TextFile(file.bytes, path: path) } catch { throw CLIPError(error) }
            classes = try ClassNames.classes(ofLines: text.entries(), path: path)
            return
        }
        let categories = try withExtendedLifetime(file) {
            try Dataset.categories(json: file.bytes, name: path)
        }
        classes = categories.map { Vocabulary.Class($0.name, categoryID: $0.id) }
        do { try ClassNames.check(classes.map(\.name)) } catch let error as CLIPError {
            throw error.about(path)
        }
    }
}
