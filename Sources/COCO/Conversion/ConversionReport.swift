/// What a conversion dropped, changed or assumed.
package struct ConversionReport: Sendable {
    /// One kind of loss.
    package struct Entry: Sendable, Hashable, CustomStringConvertible {
        /// The number of affected objects.
        package fileprivate(set) var count: Int

        /// What happened to them, to follow the count: `annotations mark crowds and are dropped`.
        package let text: String

        /// The ids of the affected objects, if they have ids.
        package fileprivate(set) var ids: [Int64]

        /// One line with the first few ids.
        package var description: String {
            guard !ids.isEmpty else { return "\(count) \(text)" }
            let shown = ids.prefix(5).map(String.init).joined(separator: ", ")
            return "\(count) \(text) (ids \(shown)\(ids.count > 5 ? ", ..." : ""))"
        }
    }

    /// The losses in the order in which they were found; each text occurs once.
    package private(set) var entries: [Entry] = []

    /// Creates an empty report.
    package init() {}

    /// Adds an id to the entry with this text.
    package mutating func add(_ text: String, id: Int64) { add(text, ids: [id]) }

    /// Adds ids to the entry with this text; an empty list adds nothing.
    package mutating func add(_ text: String, ids: [Int64]) {
        guard !ids.isEmpty else { return }
        add(text, count: ids.count, ids: ids)
    }

    /// Adds to the entry with this text; a count of 0 adds nothing.
    package mutating func add(_ text: String, count: Int, ids: [Int64] = []) {
        guard count > 0 else { return }
        if let index = entries.firstIndex(where: { $0.text == text }) {
            entries[index].count += count
            entries[index].ids.append(contentsOf: ids)
        } else {
            entries.append(Entry(count: count, text: text, ids: ids))
        }
    }

    /// Adds all entries of another report.
    package mutating func add(_ other: ConversionReport) {
        for entry in other.entries { add(entry.text, count: entry.count, ids: entry.ids) }
    }

    /// Adds fields of a file that are not kept.
    package mutating func add(_ fields: [UnreadField], of file: String) {
        for field in fields {
            let text =
                if field.isOfOtherType {
                    "\(field.list) of \(file) have a \"\(field.name)\" of an unusual type, which is not kept"
                } else if field.list.isEmpty {
                    "field of \(file) is not kept: \"\(field.name)\""
                } else {
                    "\(field.list) of \(file) have the field \"\(field.name)\", which is not kept"
                }
            add(text, count: field.count)
        }
    }
}
