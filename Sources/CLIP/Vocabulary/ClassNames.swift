import Foundation
import Support

/// Class names as spelled by data sets and files.
public enum ClassNames {
    /// A name in the form used in prompts: underscores become spaces and white space is unified; a remark in
    /// parentheses stays, since it distinguishes classes of the same name: `crane_(bird)` becomes `crane (bird)`.
    public static func readable(_ name: String) -> String {
        ClassName.readable(name)
    }

    /// The form by which names are compared: names of one form are the same to the text tower.
    public static func form(_ name: String) -> String { ClassName.key(name) }

    /// Reads a list of classes, one per line: a name, optionally followed, separated by tabs, by synonyms and by `id=18`,
    /// the id of its category. Otherwise the same as ``list(contentsOf:)``.
    ///
    /// - Throws: ``CLIPError`` with the path if the file cannot be read or names are missing or repeated.
    public static func classes(contentsOf path: String) throws -> [Vocabulary.Class] {
        try classes(ofLines: lines(contentsOf: path), path: path)
    }

    /// Classes of the lines of a file.
    package static func classes(ofLines lines: [String], path: String) throws -> [Vocabulary.Class] {
        try inFile(path) {
            let classes = try lines.map { line in
                let parts = line.split(separator: "\t").map { $0.trimmingCharacters(in: .whitespaces) }
                var entry = Vocabulary.Class(parts[0])
                for part in parts.dropFirst() where !part.isEmpty {
                    guard part.hasPrefix("id=") else {
                        entry.synonyms.append(part)
                        continue
                    }
                    guard entry.categoryID == nil, let id = Int64(part.dropFirst(3)) else {
                        throw CLIPError(reason: "class '\(entry.name)': '\(part)' is no id, or a second one")
                    }
                    entry.categoryID = id
                }
                return entry
            }
            try check(classes.map(\.name))
            return classes
        }
    }

    /// Reads a list of names, one per line; empty lines and lines that start with `#` are skipped. Everything else on a
    /// line belongs to the name, including commas and full stops.
    ///
    /// - Throws: ``CLIPError`` with the path if the file cannot be read or names are missing or repeated.
    public static func list(contentsOf path: String) throws -> [String] {
        let names = try lines(contentsOf: path)
        try inFile(path) { try check(names) }
        return names
    }

    private static func inFile<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
        do { return try body() } catch let error as CLIPError { throw error.about(path) }
    }

    /// The lines of a file that are not skipped.
    /// - Throws: ``CLIPError`` with the path if the file cannot be read.
    static func lines(contentsOf path: String) throws -> [String] {
        do { return try TextFile(contentsOf: path).entries() } catch { throw CLIPError(error) }
    }

    /// Checks that a list contains names, none of them empty or repeated.
    ///
    /// - Throws: ``CLIPError`` stating the name and its positions.
    public static func check(_ names: [String]) throws {
        guard !names.isEmpty else { throw CLIPError(reason: "there are no class names") }
        var places: [String: Int] = [:]
        for (index, name) in names.enumerated() {
            let form = form(name)
            guard !form.isEmpty else { throw CLIPError(reason: "class name \(index + 1) is empty") }
            if let earlier = places.updateValue(index, forKey: form) {
                throw CLIPError(
                    reason: "class names \(earlier + 1) ('\(names[earlier])') and \(index + 1) ('\(name)') "
                        + "are the same to the text tower; remove or rename one")
            }
        }
    }
}
