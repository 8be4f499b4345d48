import COCO
import DatasetFormats
import Foundation
import Support

/// A folder of labels that grows with every picture: a file a picture, and links to the pictures, as VOC's and YOLO's tools
/// want them. A picture whose file is there is done, so that an interrupted run can go on.
final class LabelFolder {
    private let path: String
    private let format: DetectionReport.Format
    private let names: [String: (label: String, picture: String)]
    private let lock: FolderLock

    /// What is in the folder at the start.
    let earlier: [ResultsFile.Entry]

    /// Begins a folder, or resumes one.
    ///
    /// - Parameters:
    ///   - files: All pictures of the work.
    ///   - classes: The names of the classes.
    ///   - origin: As of ``ResultsFile``; kept in the file `.progress`.
    ///   - resumes: Whether to go on with a folder that is not empty. Otherwise it is an error.
    init(
        path: String, format: DetectionReport.Format, files: [String], classes: [String],
        origin: ResultsFile.Origin, resumes: Bool
    ) throws {
        (self.path, self.format) = (path, format)
        names = Self.names(files, format)
        lock = try FolderLock(making: path)
        let record = Path.join(path, ".progress")
        let text = try JSONText.line(origin) + "\n"
        let isNew = try Folder.names(in: path).allSatisfy { $0 == FolderLock.fileName }
        guard isNew || resumes else {
            throw ResultsFile.refusal(
                path, "is not empty: add --resume to resume it, or choose another folder")
        }
        if !isNew {
            guard FileStatus(record) != nil else {
                throw ResultsFile.refusal(path, "cannot be resumed: its record .progress does not exist")
            }
            let file = try FileBytes(contentsOf: record)
            guard let begun: ResultsFile.Origin = try? JSONText.value(of: file.array) else {
                throw ResultsFile.refusal(record, "is not a record of results")
            }
            let changed = Set(begun.keys).union(origin.keys).filter { begun[$0] != origin[$0] }.sorted()
            guard changed.isEmpty else {
                throw ResultsFile.refusal(
                    path,
                    "was begun with another \(changed.joined(separator: ", another ")): choose another folder"
                )
            }
        }
        let (folder, names) = (path, self.names)
        earlier = files.compactMap { file in
            guard let label = names[file]?.label, FileStatus(Path.join(folder, label))?.kind == .file else {
                return nil
            }
            return ResultsFile.Entry(file: file, path: Path.absolute(file), end: 0)
        }
        // The record first: with it, what a full disk has stopped can be resumed.
        if isNew { try AtomicFile.write(text, to: record) }
        for name in Self.folders(format) { try Folder.make(Path.join(path, name)) }
        let place = Path.join(path, "data.yaml")
        if format == .yolo, FileStatus(place) == nil {
            let description = YOLODescription(names: classes, subsets: [("train", ["images/train"])])
            try AtomicFile.write(description.yaml, to: place)
        }
    }

    private static func folders(_ format: DetectionReport.Format) -> [String] {
        format == .yolo ? ["images/train", "labels/train"] : ["JPEGImages", "Annotations"]
    }

    /// The names of all pictures and of their files, each once.
    private static func names(
        _ files: [String], _ format: DetectionReport.Format
    ) -> [String: (label: String, picture: String)] {
        let (pictures, labels) = (folders(format)[0], folders(format)[1])
        var taken: Set<String> = []
        var result: [String: (label: String, picture: String)] = [:]
        for file in files where result[file] == nil {
            let suffix = Path.suffix(file)
            // The longer one of the endings, for file systems' limit on a name.
            let room = suffix.utf8.count > 3 ? suffix : "txt"
            let stem = FileName.shortened(Path.stem(file), ending: ".\(room)")
            var (name, number) = (stem, 2)
            while !taken.insert(name.lowercased()).inserted {
                name = FileName.shortened(stem, ending: "-\(number).\(room)") + "-\(number)"
                number += 1
            }
            result[file] = (
                "\(labels)/\(name).\(format == .yolo ? "txt" : "xml")",
                suffix.isEmpty ? "\(pictures)/\(name)" : "\(pictures)/\(name).\(suffix)"
            )
        }
        return result
    }

    /// The name of a picture in the folder.
    func pictureName(_ file: String) -> String {
        names[file].map { Path.name($0.picture) } ?? Path.name(file)
    }

    /// Writes a picture's file.
    func write(_ bytes: [UInt8], for file: String) throws {
        guard let name = names[file] else { return }
        let picture = Path.join(path, name.picture)
        if FileStatus(picture) == nil {
            let isLinked = Path.absolute(file).withPathPointer { from in
                picture.withPathPointer { symlink(from, $0) }
            }
            guard isLinked == 0 || errno == EEXIST else { throw FileFailure(picture, "cannot be linked") }
        }
        try AtomicFile.write(bytes, to: Path.join(path, name.label))
    }
}
