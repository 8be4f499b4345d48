/// The file `data.yaml` that describes a data set in YOLO format.
package struct YOLODescription: Sendable, Hashable {
    /// The names of the classes, in the order of their numbers.
    package var names: [String]

    /// The ids of the classes in COCO format; empty for 1, 2, 3, ...
    package var categoryIDs: [Int64]

    /// The folders of pictures, by subset (`train`, `val`), relative to the file's own folder or absolute.
    package var subsets: [(name: String, folders: [String])]

    /// The number of key-point values after the box in every line (`kpt_shape`: points times values per point); 0 for
    /// data sets without key points.
    package var keyPointNumbers = 0

    /// Creates a description.
    package init(names: [String], categoryIDs: [Int64] = [], subsets: [(name: String, folders: [String])]) {
        self.names = names
        self.categoryIDs = categoryIDs
        self.subsets = subsets
    }

    /// The label file of a picture as YOLO's tools locate it: the last folder `images` in its path becomes `labels`,
    /// and the extension becomes `txt`. Without such a folder, the label file is next to the picture.
    package static func labelPath(ofPicture path: String) -> String {
        var parts = path.split(separator: "/", omittingEmptySubsequences: false)
        if let place = parts.dropLast().lastIndex(of: "images") { parts[place] = "labels" }
        if let name = parts.last, let dot = name.lastIndex(of: "."), dot > name.startIndex {
            parts[parts.count - 1] = name[..<dot]
        }
        return parts.joined(separator: "/") + ".txt"
    }

    /// Whether two descriptions are equal.
    package static func == (a: YOLODescription, b: YOLODescription) -> Bool {
        a.names == b.names && a.categoryIDs == b.categoryIDs && a.keyPointNumbers == b.keyPointNumbers
            && a.subsets.elementsEqual(b.subsets) { $0.name == $1.name && $0.folders == $1.folders }
    }

    /// Hashes what ``==(_:_:)`` compares.
    package func hash(into hasher: inout Hasher) {
        hasher.combine(names)
        hasher.combine(categoryIDs)
        hasher.combine(keyPointNumbers)
        for subset in subsets {
            hasher.combine(subset.name)
            hasher.combine(subset.folders)
        }
    }

    /// The text of the file. It has no `path`, so YOLO's tools use the file's own folder.
    package var yaml: String {
        var text = ""
        for subset in subsets {
            let folders = subset.folders.map(Self.quoted)
            text += "\(subset.name): "
            text += folders.count == 1 ? folders[0] : "[\(folders.joined(separator: ", "))]"
            text += "\n"
        }
        text += "nc: \(names.count)\nnames:\n"
        for (number, name) in names.enumerated() { text += "  \(number): \(Self.quoted(name))\n" }
        if !categoryIDs.isEmpty {
            text += "# Ids of the classes in the COCO file, in the order of names.\n"
            text += "category_ids: [\(categoryIDs.map(String.init).joined(separator: ", "))]\n"
        }
        return text
    }

    /// A double-quoted YAML string, whose escapes are a superset of JSON's.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case "\n": result += "\\n"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                result += "\\x" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
