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
        lines(of: try text(contentsOf: path))
    }

    /// The text of a file or pipe, without a byte-order mark.
    private static func text(contentsOf path: String) throws -> String {
        let data: Data
        do {
            let handle = try FileHandle(forReadingFrom: URL(filePath: path))
            defer { try? handle.close() }
            data = try handle.readToEnd() ?? Data()
        } catch {
            throw CLIPError(
                path, reason: "cannot be read: \(error.localizedDescription)", exitStatus: .failure)
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            let isUTF16 = data.starts(with: [0xFF, 0xFE]) || data.starts(with: [0xFE, 0xFF])
            throw CLIPError(
                path, reason: isUTF16 ? "is text in UTF-16, not UTF-8" : "is no text in UTF-8",
                advice: "save it as UTF-8")
        }
        return text.hasPrefix("\u{FEFF}") ? String(text.dropFirst()) : text
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

    static func lines(of text: String) -> [String] {
        text.split(whereSeparator: \.isNewline)
            .map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty && !$0.hasPrefix("#") }
    }
}
