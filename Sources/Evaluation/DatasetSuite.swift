import Support

/// Many data sets in COCO's form below one folder, as ODinW and RF100-VL have them.
///
/// A folder is a data set when it has an annotation file (``annotationNames``) in `test`, `valid` or `val`, the first that there is, or in
/// itself; the pictures are beside the file. Other folders are looked through. `classes.txt` in the folder of a data set
/// gives classes other names to ask for: a line each with the category's name and synonyms, tabs between.
public struct DatasetSuite: Sendable {
    /// A data set.
    public struct Entry: Sendable, Hashable {
        /// The path below the suite's folder.
        public let name: String

        /// The annotation file.
        public let annotations: String

        /// The folder of the pictures.
        public let images: String

        /// The file of names and synonyms; nil without one.
        public let classes: String?
    }

    /// What annotation files are called.
    public static let annotationNames = [
        "_annotations.coco.json", "annotations_without_background.json", "annotations.json", "instances.json",
    ]

    /// The data sets in order of name.
    public let entries: [Entry]

    /// Looks through a folder.
    ///
    /// - Throws: ``EvaluationError`` when there is no data set; `FileFailure` for a folder that cannot be read.
    public init(folder: String) throws {
        var entries: [Entry] = []
        var seen: Set<FileIdentity> = []
        try Self.collect(folder, name: "", depth: 0, seen: &seen, into: &entries)
        guard !entries.isEmpty else {
            throw EvaluationError(
                folder,
                "has no data set: no folder in it has \(Self.annotationNames.joined(separator: ", ")) in test, valid, val or itself"
            )
        }
        self.entries = entries
    }

    private static func collect(
        _ folder: String, name: String, depth: Int, seen: inout Set<FileIdentity>, into entries: inout [Entry]
    ) throws {
        // A folder counts once, by whichever links it is reached.
        if let identity = FileIdentity(folder), !seen.insert(identity).inserted { return }
        for part in ["test", "valid", "val", ""] {
            let place = part.isEmpty ? folder : Path.join(folder, part)
            let file = annotationNames.map { Path.join(place, $0) }.first { FileStatus($0)?.kind == .file }
            guard let file else { continue }
            let classes = Path.join(folder, "classes.txt")
            entries.append(
                Entry(
                    name: name.isEmpty ? Path.name(folder) : name, annotations: file, images: place,
                    classes: FileStatus(classes)?.kind == .file ? classes : nil))
            return
        }
        // Deep enough for all published suites.
        guard depth < 6 else { return }
        for child in try Folder.names(in: folder).sorted() where !child.hasPrefix(".") {
            let path = Path.join(folder, child)
            guard FileStatus(path)?.kind == .folder else { continue }
            try collect(
                path, name: name.isEmpty ? child : "\(name)/\(child)", depth: depth + 1, seen: &seen,
                into: &entries)
        }
    }
}
