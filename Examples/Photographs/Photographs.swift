import ArgumentParser
import COCO
import Foundation
import Imaging

/// Writes variants of annotated pictures that show the same things, to test whether boxes and masks follow the picture.
@main
struct Photographs: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "photographs",
        abstract: "Writes variants of annotated pictures: mirrored, at another size, turned by EXIF.",
        discussion: """
            Every variant becomes a folder with annotations.json and images/. A detector that was trained on the pictures \
            should find the same objects in them.

            Example:
              photographs sixteen.json --images train2017 --output variants
            """)

    @Argument(help: "The annotation file (COCO instances).")
    var annotations: String

    @Option(name: [.short, .long], help: "The folder of its pictures.")
    var images: String

    @Option(help: "The scale of the sides in the resized variant.")
    var scale = 0.75

    @Option(name: [.short, .long], help: ArgumentHelp("The folder to write.", valueName: "folder"))
    var output: String

    func validate() throws {
        guard scale > 0, scale <= 4 else { throw ValidationError("--scale must be above 0 and at most 4") }
    }

    func run() throws {
        let dataset = try Dataset(contentsOf: annotations)
        for form in Form.allCases {
            let folder = "\(output)/\(form.rawValue)"
            try FileManager.default.createDirectory(
                atPath: "\(folder)/images", withIntermediateDirectories: true)
            try write(dataset, form, to: folder)
            print("\(folder): \(dataset.images.count) pictures, \(dataset.annotations.count) objects")
        }
    }

    private func write(_ dataset: Dataset, _ form: Form, to folder: String) throws {
        var result = Dataset()
        result.categories = dataset.categories
        var transforms: [Int64: SpatialTransform] = [:]
        for row in 0..<dataset.images.count {
            var record = dataset.images[row]
            let image = try Image(contentsOf: "\(images)/\(record.path)")
            guard image.width == record.width, image.height == record.height else {
                throw ImagingError(
                    "\(images)/\(record.path)",
                    reason: "is \(image.size) pixels (upright), but the annotations are for "
                        + "\(record.width) x \(record.height)")
            }
            let transform = try form.transform(image.size, scale: scale)
            record.fileName = "\(record.id).jpg"
            record.cocoURL = ""
            (record.width, record.height) = (transform.target.width, transform.target.height)
            try form.write(transform.apply(to: image), to: "\(folder)/images/\(record.fileName)")
            result.images.append(record)
            transforms[record.id] = transform
        }
        for row in 0..<dataset.annotations.count {
            let annotation = dataset.annotations[row]
            guard let transform = transforms[annotation.imageID] else {
                throw ImagingError(
                    annotations,
                    reason:
                        "annotation \(annotation.id) refers to image \(annotation.imageID), which is not listed"
                )
            }
            result.annotations.append(try transform.moved(annotation))
        }
        try result.write(to: "\(folder)/annotations.json")
    }
}
