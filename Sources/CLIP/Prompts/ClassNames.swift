import Foundation
import Support

/// Names of classes as data sets and files spell them.
public enum ClassNames {
    /// A name as it goes into a prompt: underscores become spaces, white space is unified; a remark in
    /// parentheses stays, since it tells apart what is called alike: `crane_(bird)` becomes `crane (bird)`.
    public static func readable(_ name: String) -> String {
        ClassName.readable(name)
    }

    /// Reads a list of names, one a line; empty lines and lines that start with `#` do not count. Whatever else
    /// is on a line belongs to the name, commas and full stops too.
    ///
    /// - Throws: ``PromptError`` with the path, when the file cannot be read or names are missing or repeated.
    public static func list(contentsOf path: String) throws -> [String] {
        let text: String
        do {
            text = try String(contentsOf: URL(filePath: path), encoding: .utf8)
        } catch {
            throw PromptError(file: path, reason: "cannot be read: \(error.localizedDescription)")
        }
        let names = lines(of: text)
        do {
            try check(names)
        } catch let error as PromptError {
            throw PromptError(file: path, reason: error.reason)
        }
        return names
    }

    /// Checks that a list has names, none of them empty and none twice.
    ///
    /// - Throws: ``PromptError`` that tells the name and its places.
    public static func check(_ names: [String]) throws {
        guard !names.isEmpty else { throw PromptError(reason: "there are no class names") }
        var places: [String: Int] = [:]
        for (index, name) in names.enumerated() {
            let readable = ClassName.key(name)
            guard !readable.isEmpty else { throw PromptError(reason: "class name \(index + 1) is empty") }
            if let earlier = places.updateValue(index, forKey: readable) {
                throw PromptError(
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
