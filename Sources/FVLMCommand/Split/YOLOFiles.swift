import COCO
import Foundation
import Yams

/// The files of a data set in YOLO's form.
struct YOLOFiles {
    let description: YOLODescription

    /// The folders of pictures of the subset.
    let folders: [String]

    private static let extensions: Set = [
        "jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff", "avif", "heic",
    ]

    /// - Parameter path: `data.yaml`, or the folder that holds it.
    init(description path: String, subset: String) throws {
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        let file = exists && isFolder.boolValue ? path + "/data.yaml" : path
        guard let data = FileManager.default.contents(atPath: file) else {
            throw AnnotationFileError(file: file, kind: .inaccessible, reason: "cannot be read")
        }
        let (description, root) = try Self.parse(data, file: file)
        self.description = description
        guard let found = description.subsets.first(where: { $0.name == subset }) else {
            throw AnnotationFileError(
                file: file,
                reason: "has no \"\(subset)\"; there are "
                    + description.subsets.map(\.name).joined(separator: ", "))
        }
        let own = (file as NSString).deletingLastPathComponent
        let base = Self.joined(own, root)
        folders = found.folders.map { Self.joined(base, $0) }
        for folder in folders where folder.hasSuffix(".txt") {
            throw AnnotationFileError(
                file: file, reason: "\(folder) is a list of files; a folder of pictures is needed")
        }
    }

    /// A path that is relative to a folder, or absolute.
    private static func joined(_ folder: String, _ path: String) -> String {
        if path.isEmpty || path == "." { return folder }
        return folder.isEmpty || path.hasPrefix("/") ? path : folder + "/" + path
    }

    private static func parse(_ data: Data, file: String) throws -> (YOLODescription, root: String) {
        func failure(_ reason: String, line: Int? = nil, column: Int? = nil) -> AnnotationFileError {
            AnnotationFileError(file: file, line: line, column: column, reason: reason)
        }
        guard let text = String(validating: data, as: UTF8.self) else { throw failure("is not UTF-8 text") }
        let node: Node?
        do {
            node = try Yams.compose(yaml: text)
        } catch let error as YamlError {
            if case .parser(_, let problem, let mark, _) = error {
                throw failure("is no YAML: \(problem)", line: mark.line, column: mark.column)
            }
            throw failure("is no YAML")
        }
        guard let mapping = node?.mapping else {
            throw failure("needs \"names\" and folders of pictures, as \"train\" and \"val\"")
        }
        var description = YOLODescription(names: try names(mapping["names"], failure), subsets: [])
        if let ids = mapping["category_ids"] {
            let values = (ids.sequence.map(Array.init) ?? []).map { $0.scalar.flatMap { Int64($0.string) } }
            guard !values.isEmpty, values.allSatisfy({ $0 != nil }) else {
                throw failure("\"category_ids\" is a list of whole numbers")
            }
            description.categoryIDs = values.compactMap(\.self)
        }
        for name in ["train", "val", "test"] {
            guard let value = mapping[.init(name)] else { continue }
            let folders =
                value.sequence.map { $0.compactMap(\.scalar?.string) } ?? [value.scalar?.string ?? ""]
            if folders.contains(where: { !$0.isEmpty }) { description.subsets.append((name, folders)) }
        }
        return (description, mapping["path"]?.scalar?.string ?? ".")
    }

    /// Names are a list, or a map from numbers.
    private static func names(
        _ node: Node?, _ failure: (String, Int?, Int?) -> AnnotationFileError
    ) throws -> [String] {
        if let sequence = node?.sequence {
            let names = sequence.compactMap(\.scalar?.string)
            guard names.count == sequence.count else { throw failure("\"names\" holds no names", nil, nil) }
            return names
        }
        guard let mapping = node?.mapping else {
            throw failure(
                "\"names\" is needed: a list of the classes' names, or a map from numbers", nil, nil)
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

    /// The folder of labels that belongs to a folder of pictures: the last `images` in its path is `labels`.
    private static func labels(_ folder: String) throws -> String {
        var parts = folder.split(separator: "/", omittingEmptySubsequences: false)
        guard let place = parts.lastIndex(of: "images") else {
            throw COCOError(
                "\(folder): no part of the path is \"images\", which is \"labels\" in the path of the labels")
        }
        parts[place] = "labels"
        return parts.joined(separator: "/")
    }

    private static func withoutExtension(_ path: String) -> String {
        (path as NSString).deletingPathExtension
    }

    /// The pictures below the folders, by name, with their sizes.
    func images(_ report: inout ConversionReport) throws -> [(image: ImageRecord, label: String)] {
        var result: [(image: ImageRecord, label: String)] = []
        for folder in folders {
            let labels = try Self.labels(folder)
            let names = try Self.files(folder, Self.extensions)
            for name in names {
                let size = try PictureSizes.reader("\(folder)/\(name)")
                result.append(
                    (
                        ImageRecord(
                            id: Int64(result.count + 1), width: size.width, height: size.height,
                            fileName: name),
                        "\(labels)/\(Self.withoutExtension(name)).txt"
                    ))
            }
            try noteUnused(labels, used: Set(names.map(Self.withoutExtension)), &report)
        }
        return result
    }

    /// The images of an annotation file, with the label files that belong to them.
    func images(
        like dataset: Dataset, _ report: inout ConversionReport
    ) throws -> [(image: ImageRecord, label: String)] {
        let labels = try folders.map(Self.labels)
        let images = (0..<dataset.images.count).map { dataset.images[$0] }
        for folder in labels {
            try noteUnused(folder, used: Set(images.map { Self.withoutExtension($0.path) }), &report)
        }
        return images.map { image in
            let paths = labels.map { "\($0)/\(Self.withoutExtension(image.path)).txt" }
            return (image, paths.first { FileManager.default.fileExists(atPath: $0) } ?? paths[0])
        }
    }

    /// Notes label files that no picture belongs to.
    private func noteUnused(_ labels: String, used: Set<String>, _ report: inout ConversionReport) throws {
        guard FileManager.default.fileExists(atPath: labels) else {
            throw AnnotationFileError(
                file: labels, kind: .inaccessible, reason: "the folder of the labels does not exist")
        }
        let unused = try Self.files(labels, ["txt"]).filter { !used.contains(Self.withoutExtension($0)) }
        report.addLabelsWithoutPicture(unused.count)
    }

    /// The files below a folder with one of some extensions, as paths below it, sorted.
    private static func files(_ folder: String, _ extensions: Set<String>) throws -> [String] {
        guard let names = try? FileManager.default.subpathsOfDirectory(atPath: folder) else {
            throw AnnotationFileError(file: folder, kind: .inaccessible, reason: "the folder cannot be read")
        }
        return names.filter { extensions.contains(($0 as NSString).pathExtension.lowercased()) }.sorted()
    }

    /// The text of a label file, nil when there is none.
    static func text(_ path: String) throws -> String? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw AnnotationFileError(file: path, kind: .inaccessible, reason: "cannot be read")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw AnnotationFileError(file: path, reason: "is not UTF-8 text")
        }
        return text
    }
}
