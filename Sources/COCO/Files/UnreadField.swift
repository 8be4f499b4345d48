import Support

/// A field that this package does not keep: it is lost if the file is read and written again.
package struct UnreadField: Sendable, Hashable {
    /// The list whose objects have the field: `images`, `annotations`, `categories`; empty for a field of the file
    /// itself.
    package let list: String

    /// The name of the field.
    package let name: String

    /// The number of objects that have it.
    package let count: Int

    /// Whether the field is supported, but its values have another type, such as text instead of a number.
    package var isOfOtherType = false
}

extension Dataset {
    /// Reads an annotation file and lists the fields that are not kept.
    ///
    /// Takes about twice as long as ``init(contentsOf:)``.
    ///
    /// - Returns: The data set, and the unsupported fields sorted by name.
    /// - Throws: ``AnnotationFileError``; see ``init(contentsOf:)``.
    package static func reading(contentsOf path: String) throws -> (dataset: Dataset, unread: [UnreadField]) {
        let file = try FileBytes(annotations: path)
        let (dataset, unkept) = try withExtendedLifetime(file) {
            try FileReader.read(file.bytes, name: path, file: file) {
                (try $0.dataset(), $0.unkept.sorted { ($0.list, $0.name) < ($1.list, $1.name) })
            }
        }
        // Mapped once more, since pages that were read are given back; a stream is in memory.
        let again = file.isInPlace ? try FileBytes(annotations: path) : file
        let unread = try withExtendedLifetime(again) {
            try FileReader.read(again.bytes, name: path, file: again) { try $0.unreadFields() }
        }
        return (dataset, unread + unkept)
    }
}

extension FileReader {
    private static let known: [String: Set<String>] = [
        "images": [
            "id", "width", "height", "file_name", "coco_url", "license", "neg_category_ids",
            "not_exhaustive_category_ids",
        ],
        "annotations": [
            "segmentation", "area", "iscrowd", "image_id", "bbox", "category_id", "id", "ignore",
            "attributes",
        ],
        "categories": [
            "id", "name", "supercategory", "frequency", "image_count", "instance_count", "synset", "synonyms",
            "def",
        ],
    ]

    fileprivate mutating func unreadFields() throws -> [UnreadField] {
        var counts: [UnreadName: Int] = [:]
        guard try scanner.beginObject() else { return [] }
        repeat {
            let key = try scanner.string()
            try scanner.expect(":")
            if let known = Self.known[key] {
                try countFields(of: key, known, &counts)
            } else {
                if key != "info", key != "licenses" {
                    counts[UnreadName(list: "", name: key), default: 0] += 1
                }
                try scanner.skipValue()
            }
        } while try scanner.continueObject()
        return counts.map { UnreadField(list: $0.key.list, name: $0.key.name, count: $0.value) }
            .sorted { ($0.list, $0.name) < ($1.list, $1.name) }
    }

    private struct UnreadName: Hashable {
        let list: String
        let name: String
    }

    private mutating func countFields(
        of list: String, _ known: Set<String>, _ counts: inout [UnreadName: Int]
    ) throws {
        // The objects of a list share a few keys: each key is converted to a string once.
        var names: [[UInt8]: Int] = [:]
        var tallies: [(name: String, count: Int)] = []
        var key: [UInt8] = []
        guard try scanner.beginList() else { return }
        repeat {
            guard try scanner.beginObject() else { continue }
            repeat {
                key.removeAll(keepingCapacity: true)
                try scanner.withStringBytes { key.append(contentsOf: $0) }
                try scanner.expect(":")
                try scanner.skipValue()
                if let index = names[key] {
                    tallies[index].count += 1
                } else {
                    names[key] = tallies.count
                    tallies.append((String(decoding: key, as: UTF8.self), 1))
                }
            } while try scanner.continueObject()
            file?.release(before: scanner.position)
        } while try scanner.continueList()
        for tally in tallies where !known.contains(tally.name) {
            counts[UnreadName(list: list, name: tally.name), default: 0] += tally.count
        }
    }
}
