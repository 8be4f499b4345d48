import Foundation
import Support

/// Names of classes as data sets and files spell them.
public enum ClassNames {
    /// A name as it goes into a prompt: underscores become spaces, white space is unified; a remark in
    /// parentheses stays, since it tells apart what is called alike: `crane_(bird)` becomes `crane (bird)`.
    public static func readable(_ name: String) -> String {
        ClassName.readable(name)
    }

    /// What two names are compared by: names of one form are the same to the text tower.
    public static func form(_ name: String) -> String { ClassName.key(name) }

    /// Reads a list of classes, one a line: a name, or a name and its synonyms separated by tabs. Otherwise as
    /// ``list(contentsOf:)``.
    ///
    /// - Throws: ``CLIPError`` with the path, when the file cannot be read or names are missing or repeated.
    public static func classes(contentsOf path: String) throws -> [Vocabulary.Class] {
        let classes = try lines(contentsOf: path).map { line in
            let parts = line.split(separator: "\t").map { $0.trimmingCharacters(in: .whitespaces) }
            return Vocabulary.Class(parts[0], synonyms: parts.dropFirst().filter { !$0.isEmpty })
        }
        try inFile(path) { try check(classes.map(\.name)) }
        return classes
    }

    /// Reads a list of names, one a line; empty lines and lines that start with `#` do not count. Whatever else
    /// is on a line belongs to the name, commas and full stops too.
    ///
    /// - Throws: ``CLIPError`` with the path, when the file cannot be read or names are missing or repeated.
    public static func list(contentsOf path: String) throws -> [String] {
        let names = try lines(contentsOf: path)
        try inFile(path) { try check(names) }
        return names
    }

    private static func inFile(_ path: String, _ body: () throws -> Void) throws {
        do { try body() } catch let error as CLIPError { throw error.about(path) }
    }

    /// The lines of a file that count.
    /// - Throws: ``CLIPError`` with the path, when the file cannot be read.
    static func lines(contentsOf path: String) throws -> [String] {
        do { return try TextFile(contentsOf: path).entries() } catch { throw CLIPError(error) }
    }

    /// Checks that a list has names, none of them empty and none twice.
    ///
    /// - Throws: ``CLIPError`` that tells the name and its places.
    public static func check(_ names: [String]) throws {
        guard !names.isEmpty else { throw CLIPError(reason: "there are no class names") }
        var places: [String: Int] = [:]
        for (index, name) in names.enumerated() {
            let form = form(name)
            guard !form.isEmpty else { throw CLIPError(reason: "class name \(index + 1) is empty") }
            if let earlier = places.updateValue(index, forKey: form) {
                throw CLIPError(
                    reason: "class names \(earlier + 1) ('\(names[earlier])') and \(index + 1) ('\(name)') "
                        + "are the same to the text tower; remove one or tell them apart")
            }
        }
    }
}
