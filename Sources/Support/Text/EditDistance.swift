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
