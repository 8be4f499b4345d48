import ArgumentParser
import CLIP
import COCO
import FVLM
import Foundation
import Support

extension Article: ExpressibleByArgument {}

/// The classes given to a command.
struct ClassOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Class names, separated by commas, or the name of a list: coco, lvis, objects365, openimages.",
            valueName: "a, b, c"))
    var classes: String?

    @Option(
        help: ArgumentHelp(
            "A file with one class per line (a name, optionally synonyms separated by tabs), or an annotation file.",
            valueName: "file"), completion: .file())
    var classesFile: String?

    @Option(
        help: "single, imagenet-80, or a file with one template per line ({} for the name).",
        completion: .file())
    var templates: String?

    @Option(help: "as-written (the default), or english: an before vowels.")
    var article: Article?

    /// Rejects several sources of classes, and prompt options where no prompts are made.
    ///
    /// - Parameter vocabulary: The value of `--vocabulary`, which is also a source.
    func check(vocabulary: String?) throws {
        if [classes, classesFile, vocabulary].count(where: { $0 != nil }) > 1 {
            throw ValidationError("--classes, --classes-file and --vocabulary are mutually exclusive")
        }
        guard classes == nil, classesFile == nil else { return }
        for (option, isGiven) in [("--templates", templates != nil), ("--article", article != nil)]
        where isGiven {
            throw ValidationError(
                "\(option) applies to names (--classes, --classes-file); a vocabulary already has its prompts"
            )
        }
    }

    /// The classes; nil if none were given.
    func given() throws -> [Vocabulary.Class]? {
        if let classesFile { return try ClassFile(path: classesFile).classes }
        guard let classes else { return nil }
        if let list = ClassList(rawValue: classes.trimmingCharacters(in: .whitespaces)) {
            StandardError.note("\(list.names.count) classes: \(list.source)")
            return list.classes
        }
        let names = classes.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        try ClassNames.check(names)
        return names.map { Vocabulary.Class($0) }
    }
}

/// The classes to detect.
struct VocabularyOptions: ParsableArguments {
    @OptionGroup var names: ClassOptions

    @Option(
        help: ArgumentHelp("Classes from a file created by fvlm vocabulary.", valueName: "file"),
        completion: .file())
    var vocabulary: String?

    mutating func validate() throws {
        try names.check(vocabulary: vocabulary)
    }

    /// The vocabulary; by default the one in the model's folder.
    func load(_ detector: Detector, folder: String) async throws -> Vocabulary {
        let own = ModelFolder(folder).vocabulary
        let trained = FileStatus(own) == nil ? nil : try Vocabulary(contentsOf: own)
        if let vocabulary {
            let given = try Vocabulary(contentsOf: vocabulary)
            return try trained.map { try given.takingCategoryIDs(from: $0) } ?? given
        }
        if let classes = try names.given() {
            return try Vocabulary(
                encoding: trained?.addingCategoryIDs(to: classes) ?? classes,
                templates: PromptTemplates(named: names.templates ?? PromptTemplates.imageNet.name),
                article: names.article ?? .asWritten, with: detector.clip,
                tokenizer: detector.clip.tokenizer(),
                note: StandardError.note)
        }
        guard let trained else {
            throw ValidationError("specify what to detect: --classes \"dog, traffic light\"")
        }
        return trained
    }
}

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
