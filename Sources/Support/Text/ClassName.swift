/// Class names in the forms in which they are read and compared.
package enum ClassName {
    /// The form used in prompts: underscores become spaces, whitespace is normalized; a remark in parentheses is kept
    /// because it distinguishes classes with the same name: `crane_(bird)` becomes `crane (bird)`.
    package static func readable(_ name: String) -> String {
        name.split { $0 == "_" || $0.isWhitespace }.joined(separator: " ")
    }

    /// The form in which names are compared: the text tower cannot distinguish two names with the same key.
    package static func key(_ name: String) -> String { readable(name).lowercased() }
}

extension String {
    /// The number of letters to insert, delete or replace (Levenshtein), ignoring case: finds the intended spelling of
    /// a mistyped name.
    package func editDistance(to other: String) -> Int {
        let (a, b) = (Array(lowercased()), Array(other.lowercased()))
        var row = Array(0...b.count)
        for (i, letter) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, other) in b.enumerated() {
                let exchanged = diagonal + (letter == other ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = Swift.min(exchanged, row[j] + 1, diagonal + 1)
            }
        }
        return row[b.count]
    }
}
