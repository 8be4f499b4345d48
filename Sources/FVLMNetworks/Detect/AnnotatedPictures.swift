import FVLM
import Foundation
import Imaging

/// The detector's result; the name that other modules of the command line do not have.
typealias FVLMDetection = Detection

/// Pictures with what was found drawn on them, in a folder.
final class AnnotatedPictures {
    private let folder: String
    private let options: DetectionOptions
    private var names: Set<String> = []

    /// - Parameter taken: Names that an earlier part of the work has given already.
    init(folder: String, options: DetectionOptions, taken: [String] = []) {
        self.folder = folder
        self.options = options
        names = Set(taken)
    }

    /// Draws and writes a picture as PNG under its own name; pictures of one name in different folders get a number.
    /// - Returns: The name.
    func write(_ file: String, _ image: Image, _ detections: [FVLMDetection]) throws -> String {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let name = freeName(for: file)
        try Annotator().draw(detections, on: image, options: options).write(
            to: URL(filePath: folder).appending(path: name).path)
        return name
    }

    private func freeName(for file: String) -> String {
        let stem = URL(filePath: file).deletingPathExtension().lastPathComponent
        var (name, number) = (stem + ".png", 2)
        while !names.insert(name).inserted {
            name = "\(stem)-\(number).png"
            number += 1
        }
        return name
    }
}
