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
