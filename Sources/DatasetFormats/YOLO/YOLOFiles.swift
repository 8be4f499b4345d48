import COCO
import Foundation
import Support

/// The pictures and labels of a data set in YOLO format, located as YOLO's tools locate them.
package struct YOLOFiles {
    package let description: YOLODescription

    /// The folders or lists of pictures of the subset.
    package let sources: [String]

    /// The folder that the names of pictures are relative to.
    package let root: String

    /// Formats that YOLO's tools read and this package does not.
    private static let unreadable: Set = ["bmp", "dng", "jp2", "pfm"]

    /// - Parameters:
    ///   - path: `data.yaml`, or the folder that holds it, or one that holds `classes.txt` with a name of a class a line, as
    ///     labeling tools export it.
    ///   - subset: `train`, `val` or `test`; nil: the only one.
    package init(description path: String, subset: String?, _ report: inout ConversionReport) throws {
        let list = path + "/classes.txt"
        let isList = !Self.exists(path + "/data.yaml") && Self.exists(list)
        let file = isList ? list : Self.isFolder(path) ? path + "/data.yaml" : path
        let text = try AnnotationFileError.text(contentsOf: file)
        let (description, stated) =
            try isList
            ? (Self.description(classes: text, in: path), ".") : YOLODescription.parse(text, file: file)
        self.description = description
        let subset = subset ?? (isList ? "train" : nil)
        let all = description.subsets.map(\.name).joined(separator: ", ")
        guard let subset = subset ?? (description.subsets.count == 1 ? description.subsets[0].name : nil)
        else {
            throw AnnotationFileError(file: file, reason: "has several subsets, \(all); --subset says which")
        }
        let name = YOLODescription.subsetName(subset)
        guard let found = description.subsets.first(where: { $0.name == name }) else {
            throw AnnotationFileError(file: file, reason: "has no \"\(subset)\"; there are " + all)
        }
        let own = Self.folder(of: file)
        var base = Self.joined(own, stated)
        if FileStatus(base.isEmpty ? "." : base) == nil {
            report.add("folder named by \"path\" does not exist; the folder of \(file) is used", count: 1)
            base = own
        }
        var sources: [String] = []
        for folder in found.folders {
            let place = Self.place(folder, base)
            if !sources.contains(where: { Self.absolute($0) == Self.absolute(place) }) {
                sources.append(place)
            }
        }
        self.sources = sources
        root =
            sources.count == 1 && !Self.isList(sources[0])
            ? sources[0] : Self.commonFolder(sources.map { Self.isList($0) ? base : $0 })
    }

    private static func exists(_ path: String) -> Bool { FileStatus(path) != nil }

    /// The description that a list of classes stands for: pictures in `images`, or beside the list.
    private static func description(classes: String, in folder: String) -> YOLODescription {
        let names = TextFile.lines(of: classes).map { $0.trimmingBlanks() }.filter { !$0.isEmpty }
        return YOLODescription(
            names: names, subsets: [("train", [isFolder(folder + "/images") ? "images" : "."])])
    }

    /// The location of a subset's folder. Export sites write `../train/images` for `train/images` next to the file;
    /// YOLO's tools fall back to that when the former does not exist.
    private static func place(_ folder: String, _ base: String) -> String {
        let place = joined(base, folder)
        guard folder.hasPrefix("../"), FileStatus(place) == nil else { return place }
        return joined(base, String(folder.dropFirst(3)))
    }

    /// A path that is relative to a folder, or absolute, without slashes at its end: names are compared.
    private static func joined(_ folder: String, _ path: String) -> String {
        let path = path.isEmpty ? "." : Path.normalized(path)
        return path == "." ? folder : Path.join(folder, path)
    }

    private static func absolute(_ path: String) -> String {
        Path.standardized(path.isEmpty ? "." : path)
    }

    /// The folder that a path lies in; empty for a name alone.
    private static func folder(of path: String) -> String { path.contains("/") ? Path.parent(path) : "" }

    private static func isFolder(_ path: String) -> Bool {
        FileStatus(path)?.kind == .folder
    }

    private static func isList(_ path: String) -> Bool { path.hasSuffix(".txt") && !isFolder(path) }

    /// The common parent of some folders.
    private static func commonFolder(_ folders: [String]) -> String {
        var common = absolute(folders.first ?? ".").split(separator: "/")[...]
        for folder in folders.dropFirst() {
            let parts = absolute(folder).split(separator: "/")
            common = common.prefix(zip(common, parts).prefix { $0 == $1 }.count)
        }
        return "/" + common.joined(separator: "/")
    }

    /// The pictures of the subset with their sizes, keyed by their names relative to the common folder.
    /// - Parameter size: Reads the size of a picture.
    package func images(
        _ report: inout ConversionReport, size: (String) throws -> PictureSize
    ) throws -> [(image: ImageRecord, label: String)] {
        var result: [(image: ImageRecord, label: String)] = []
        var seen: Set<String> = []
        for source in sources {
            for picture in try Self.pictures(of: source, &report) {
                guard seen.insert(Self.absolute(picture)).inserted else {
                    report.add("pictures are listed twice and used once", count: 1)
                    continue
                }
                let size = try size(picture)
                result.append(
                    (
                        ImageRecord(
                            id: Int64(result.count + 1), width: size.width, height: size.height,
                            fileName: name(of: picture)),
                        YOLODescription.labelPath(ofPicture: picture)
                    ))
            }
        }
        if sources.count > 1 {
            report.add(
                "folders of pictures: file names are relative to \(root), which is the folder to pass as --images",
                count: sources.count)
        }
        guard !result.isEmpty else {
            throw AnnotationFileError(
                file: sources.joined(separator: ", "), reason: "contains no visible pictures")
        }
        try check(result.map(\.label), &report)
        return result
    }

    /// The name of a picture below ``root``, or its absolute path.
    private func name(of picture: String) -> String {
        if picture.hasPrefix(root + "/") { return String(picture.dropFirst(root.count + 1)) }
        let (path, folder) = (Self.absolute(picture), Self.absolute(root))
        return path.hasPrefix(folder + "/") ? String(path.dropFirst(folder.count + 1)) : path
    }

    /// The images of an annotation file, with their label files.
    package func images(
        like dataset: Dataset, _ report: inout ConversionReport
    ) throws -> [(image: ImageRecord, label: String)] {
        let folders = Set([root] + sources.filter { !Self.isList($0) }).sorted().map {
            PictureFolder(path: $0)
        }
        let result = (0..<dataset.images.count).map { row in
            let image = dataset.images[row]
            let labels = folders.compactMap { $0.location(of: image) }
                .map(YOLODescription.labelPath(ofPicture:))
            return (
                image: image,
                label: labels.first { FileStatus($0) != nil } ?? labels.first ?? ""
            )
        }
        try check(result.map(\.label), &report)
        return result
    }

    /// Notes label files without a picture, and throws if no picture has a label file.
    private func check(_ labels: [String], _ report: inout ConversionReport) throws {
        let used = Set(labels)
        let folders = Set(labels.map(Self.folder(of:)))
        var (unused, found) = (0, false)
        for folder in folders {
            let place = folder.isEmpty ? "." : folder
            guard FileStatus(place)?.kind == .folder else { continue }
            let files: [String]
            do { files = try Folder.names(in: place) } catch { throw AnnotationFileError(error) }
            for file in files where file.lowercased().hasSuffix(".txt") && !file.hasPrefix(".") {
                let path = folder.isEmpty ? file : folder + "/" + file
                if used.contains(path) { found = true } else if file != "classes.txt" { unused += 1 }
            }
        }
        guard found || labels.isEmpty else {
            throw AnnotationFileError(
                file: labels[0], kind: .inaccessible,
                reason: "does not exist, nor does the label file of any other picture")
        }
        report.add("label files have no picture and are skipped", count: unused)
    }

    /// The pictures in a folder, or in a list of files, sorted. Names with a leading dot are skipped, as by YOLO's
    /// tools: other file systems and notebooks create them.
    private static func pictures(of source: String, _ report: inout ConversionReport) throws -> [String] {
        if isList(source) { return try listed(in: source) }
        var hidden = 0
        let names: [String]
        do {
            names = try Folder.files(below: source) { path, isFolder in
                if isFolder || PictureExtensions.all.contains(Path.suffix(path)) { hidden += 1 }
            }
        } catch {
            throw AnnotationFileError(
                file: source, kind: .inaccessible, reason: "the folder of pictures cannot be read")
        }
        var pictures: [String] = []
        for name in names {
            let suffix = Path.suffix(name)
            if unreadable.contains(suffix) {
                report.add(
                    "pictures in the unsupported format \(suffix) are skipped", count: 1)
            } else if PictureExtensions.all.contains(suffix) {
                pictures.append("\(source)/\(name)")
            }
        }
        report.add("hidden files are skipped", count: hidden)
        return pictures.sorted()
    }

    /// The pictures listed in a text file, one per line; `./` means its own folder.
    private static func listed(in file: String) throws -> [String] {
        let own = folder(of: file)
        return try AnnotationFileError.text(contentsOf: file).split(whereSeparator: \.isNewline)
            .map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty && !$0.hasPrefix("#") }
            .map { $0.hasPrefix("./") ? String($0.dropFirst(2)) : $0 }
            .map { joined(own, $0) }
    }

    /// The text of a label file, nil if there is none.
    package static func text(_ path: String) throws -> String? {
        guard FileStatus(path) != nil else { return nil }
        return try AnnotationFileError.text(contentsOf: path)
    }
}
