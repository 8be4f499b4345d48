import COCO
import Support

/// All formats, and the way from one to another.
package enum DatasetConversion {
    /// All formats, in the order in which they are tried: LVIS before COCO, whose format it has too.
    private static let formats: [any DatasetFormat.Type] = [
        LVISFormat.self, COCOFormat.self, FiftyOneFormat.self, SuperviselyFormat.self, YOLOFormat.self,
        CVATFormat.self, VOCFormat.self, OpenImagesFormat.self, LabelStudioFormat.self, LabelMeFormat.self,
        VIAFormat.self,
    ]

    /// The format of a name.
    private static func format(_ name: FormatName) -> any DatasetFormat.Type {
        formats.first { $0.name == name } ?? COCOFormat.self
    }

    /// The format of a file or folder, found from its names and the beginning of its text.
    ///
    /// - Throws: `AnnotationFileError` when it is of none.
    package static func name(of source: FormatSource) throws -> FormatName {
        if let format = formats.first(where: { $0.recognizes(source) }) { return format.name }
        if !source.isFolder, source.isJSONList, source.jsonKeys.contains(where: { $0.key == "image_id" }) {
            throw AnnotationFileError(
                file: source.path, reason: "is a file of results, not of annotations; fvlm score reads it")
        }
        try checkEncoding(of: source)
        try checkAccess(to: source)
        let names = FormatName.allCases.map(\.rawValue).joined(separator: ", ")
        throw AnnotationFileError(
            file: source.path, reason: "is of no format that is known; --from says which it is: \(names)")
    }

    /// Refuses text in another encoding by its name: no format is recognized in it.
    private static func checkEncoding(of source: FormatSource) throws {
        // VOC's files lie in a folder of their own.
        let inside =
            source.hasFolder("Annotations") ? try? FormatSource(path: source.file("Annotations")) : nil
        let samples = [source, inside].compactMap(\.self).flatMap { source in
            ["json", "xml", "csv", "txt", "yaml"].compactMap { source.sample(suffix: $0) }
        }
        for sample in samples {
            guard let encoding = sample.head.withUnsafeBytes(TextFile.foreignEncoding) else { continue }
            throw AnnotationFileError(
                file: sample.path, reason: "the text is \(encoding); save it as UTF-8")
        }
    }

    /// Refuses what may hold a data set and cannot be read: no format is recognized in it.
    private static func checkAccess(to source: FormatSource) throws {
        guard source.isFolder else { return }
        let files = try FolderFiles.all(below: source.path)
        let texts = files.filter { ["json", "xml", "csv", "txt", "yaml", "yml"].contains(Path.suffix($0)) }
        for file in texts.prefix(8) { _ = try FormatSource(path: source.file(file)) }
    }

    /// Reads a data set.
    ///
    /// - Parameter name: its format; nil: the one that is found.
    package static func read(
        _ path: String, as name: FormatName? = nil, _ options: FormatReadingOptions
    ) throws -> (name: FormatName, contents: FormatContents) {
        let source = try FormatSource(path: path)
        let name = try name ?? Self.name(of: source)
        return (name, try format(name).read(source, options))
    }

    /// Writes a data set.
    ///
    /// - Returns: what has no place in the format, counted.
    /// - Throws: `AnnotationFileError` when it cannot be written, `COCOError` for data that has no place at all.
    package static func write(
        _ dataset: Dataset, to path: String, as name: FormatName, _ options: FormatWritingOptions
    ) throws -> ConversionReport {
        do { return try format(name).write(dataset, to: path, options) } catch let failure as FileFailure {
            throw AnnotationFileError(failure)
        }
    }
}
