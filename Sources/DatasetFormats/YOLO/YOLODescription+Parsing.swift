import COCO
import Support
import Yams

extension YOLODescription {
    /// Reads the text of `data.yaml`.
    ///
    /// - Returns: The description, and the root folder that it states (`path`).
    /// - Throws: `AnnotationFileError` with the line of the fault.
    package static func parse(_ text: String, file: String) throws -> (YOLODescription, root: String) {
        func failure(_ reason: String, line: Int? = nil, column: Int? = nil) -> AnnotationFileError {
            AnnotationFileError(file: file, line: line, column: column, reason: reason)
        }
        let node: Node?
        do {
            node = try Yams.compose(yaml: text)
        } catch let error as YamlError {
            switch error {
            case .parser(_, let problem, let mark, _), .scanner(_, let problem, let mark, _),
                .composer(_, let problem, let mark, _):
                throw failure("is not YAML: \(problem)", line: mark.line, column: mark.column)
            case .duplicatedKeysInMapping(let keys, let context):
                throw failure(
                    "the group that begins here has \(keys.map { "\"\($0)\"" }.joined(separator: ", ")) twice: keep one",
                    line: context.mark.line)
            case .reader(let problem, let offset, _, _):
                let line = offset.map { TextFile.lines(of: text.prefix($0)).count }
                throw failure("is not YAML: \(problem)", line: line.map { max($0, 1) })
            default: throw failure("is not YAML")
            }
        }
        guard let mapping = node?.mapping else {
            throw failure("needs \"names\" and folders of pictures, such as \"train\" and \"val\"")
        }
        var description = YOLODescription(names: try names(mapping["names"], failure), subsets: [])
        if let count = mapping["nc"]?.scalar.flatMap({ Int($0.string) }), count != description.names.count {
            throw failure("\"nc\" is \(count), but \"names\" has \(description.names.count) names")
        }
        if let ids = mapping["category_ids"] {
            let values = (ids.sequence.map(Array.init) ?? []).map { $0.scalar.flatMap { Int64($0.string) } }
            guard !values.isEmpty, values.allSatisfy({ $0 != nil }) else {
                throw failure("\"category_ids\" must be a list of integers")
            }
            description.categoryIDs = values.compactMap(\.self)
        }
        if let shape = mapping["kpt_shape"] {
            let numbers = (shape.sequence.map(Array.init) ?? []).compactMap {
                $0.scalar.flatMap { Int($0.string) }
            }
            guard numbers.count == 2, (1...10_000).contains(numbers[0]), (2...3).contains(numbers[1]) else {
                throw failure(
                    "\"kpt_shape\" must be the number of key points and of values per point, 2 or 3")
            }
            description.keyPointNumbers = numbers[0] * numbers[1]
        }
        for (key, value) in mapping {
            guard let name = key.scalar.map({ subsetName($0.string) }),
                ["train", "val", "test"].contains(name)
            else { continue }
            let folders =
                value.sequence.map { $0.compactMap(\.scalar?.string) } ?? [value.scalar?.string ?? ""]
            guard folders.contains(where: { !$0.isEmpty }) else { continue }
            guard !description.subsets.contains(where: { $0.name == name }) else {
                throw failure("names the folders of \"\(name)\" twice")
            }
            description.subsets.append((name, folders))
        }
        return (description, mapping["path"]?.scalar?.string ?? ".")
    }

    /// The subset's canonical name for any of its common names.
    package static func subsetName(_ name: String) -> String {
        ["validation": "val", "valid": "val", "training": "train", "testing": "test"][name] ?? name
    }

    /// Names are a list, or a map from class numbers.
    private static func names(
        _ node: Node?, _ failure: (String, Int?, Int?) -> AnnotationFileError
    ) throws -> [String] {
        if let sequence = node?.sequence {
            let names = sequence.compactMap(\.scalar?.string)
            guard names.count == sequence.count else {
                throw failure("\"names\" contains values that are not names", nil, nil)
            }
            return names
        }
        guard let mapping = node?.mapping else {
            throw failure(
                "\"names\" is missing: it must be a list of the classes' names, or a map from numbers", nil,
                nil)
        }
        var names = [String?](repeating: nil, count: mapping.count)
        for (key, value) in mapping {
            guard let number = key.scalar.flatMap({ Int($0.string) }), names.indices.contains(number),
                names[number] == nil, let name = value.scalar?.string
            else {
                throw failure("\"names\" must number the classes from 0 without gaps", nil, nil)
            }
            names[number] = name
        }
        return names.compactMap(\.self)
    }
}
