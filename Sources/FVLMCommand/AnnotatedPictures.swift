#if FVLM_TORCH
    import FVLM
    import Foundation
    import Imaging

    /// The detector's result; the name that other modules of the command line do not have.
    typealias FVLMDetection = Detection

    /// Pictures with what was found drawn on them, in a folder.
    struct AnnotatedPictures {
        let folder: String
        let options: DetectionOptions

        /// Draws and writes a picture as PNG under its own name.
        func write(_ file: String, _ image: Image, _ detections: [FVLMDetection]) throws {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let masks = try FVLMDetection.masks(of: detections, size: image.size, options: options)
            let annotations = zip(detections, masks).map { detection, mask in
                Annotation(
                    box: detection.box,
                    label: "\(detection.label) \(String(format: "%.2f", detection.score))", mask: mask,
                    color: Palette.color(at: detection.classIndex))
            }
            let name = URL(filePath: file).deletingPathExtension().lastPathComponent + ".png"
            try Annotator().draw(annotations, on: image).write(
                to: URL(filePath: folder).appending(path: name).path)
        }
    }
#endif
