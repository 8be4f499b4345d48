import FVLM
import Foundation
import Imaging
import Support

/// The detector's result, under a name that other modules of the command line do not use.
typealias FVLMDetection = Detection

/// Writes pictures with detections drawn on them to a folder. Existing files are not replaced.
final class AnnotatedPictures {
    private let folder: String
    private var names: Set<String> = []

    /// Creates a writer.
    /// - Parameter taken: Names already used by an earlier part of the run.
    init(folder: String, taken: [String] = []) {
        self.folder = folder
        names = Set(taken.map { $0.lowercased() })
    }

    /// Draws and writes a picture as PNG under its own name, or with a number if a file has that name.
    /// - Returns: The name.
    func write(_ file: String, _ image: Image, _ detections: [FVLMDetection]) throws -> String {
        try Folder.make(folder)
        let name = freeName(for: file)
        try Annotator().draw(detections, on: image).write(to: "\(folder)/\(name)")
        return name
    }

    private func freeName(for file: String) -> String {
        let whole = file[(file.lastIndex(of: "/").map(file.index(after:)) ?? file.startIndex)...]
        let stem = String(whole.lastIndex(of: ".").map { whole[..<$0] } ?? whole)
        var (name, number) = (Self.name(stem, ".png"), 2)
        while !names.insert(name.lowercased()).inserted || isTaken(name) {
            name = Self.name(stem, "-\(number).png")
            number += 1
        }
        return name
    }

    /// Truncates a name to file systems' limit of 255 bytes.
    private static func name(_ stem: String, _ ending: String) -> String {
        var stem = stem
        while (stem + ending).pathBytes.count > 255 { stem.removeLast() }
        return stem + ending
    }

    private func isTaken(_ name: String) -> Bool {
        "\(folder)/\(name)".withPathPointer { faccessat(AT_FDCWD, $0, F_OK, AT_SYMLINK_NOFOLLOW) } == 0
    }
}
