/// Names of classes in the forms in which they are read and compared.
package enum ClassName {
    /// A name as it goes into a prompt: underscores become spaces, white space is unified; a remark in parentheses
    /// stays, since it tells apart what is called alike: `crane_(bird)` becomes `crane (bird)`.
    package static func readable(_ name: String) -> String {
        name.split { $0 == "_" || $0.isWhitespace }.joined(separator: " ")
    }

    /// The form in which names are compared: two names with the same key are the same to the text tower.
    package static func key(_ name: String) -> String { readable(name).lowercased() }
}

extension String {
    /// The number of letters to insert, delete or exchange (Levenshtein), capitals not counted: finds what was meant by a
    /// mistyped name.
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
