import ArgumentParser
import COCO
import Foundation
import Imaging

/// Draws pictures of colored shapes with exact outlines, as a COCO data set: training data that needs no download.
@main
struct Shapes: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shapes",
        abstract: "Draws pictures of colored shapes as a COCO data set.",
        discussion: "Example:\n  shapes data/train --count 200 --seed 1")

    @Argument(help: "The folder for annotations.json and images/.")
    var output: String

    @Option(help: "The number of pictures.")
    var count = 200

    @Option(help: "Their side in pixels.")
    var side = 160

    @Option(help: "The seed of all random numbers: the same seed gives the same bytes.")
    var seed: UInt64 = 1

    func run() throws {
        var random = SplitMix(state: seed)
        var dataset = Dataset()
        dataset.categories = Shape.all.enumerated().map { COCO.Category(id: Int64($0 + 1), name: $1.name) }
        let folder = URL(filePath: output).appending(path: "images")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var nextID: Int64 = 1
        for number in 1...max(count, 1) {
            let scene = try Scene(side: side, random: &random)
            let name = String(format: "%05d.png", number)
            try scene.image.write(to: folder.appending(path: name).path)
            dataset.images.append(ImageRecord(id: Int64(number), width: side, height: side, fileName: name))
            for object in scene.objects {
                let mask = try RunLengthMask(height: side, width: side, pixels: object.visible)
                dataset.annotations.append(
                    AnnotationRecord(
                        id: nextID, imageID: Int64(number), categoryID: Int64(object.shape + 1),
                        box: mask.box,
                        area: Double(mask.area),
                        segmentation: .compressedRunLengths(
                            height: side, width: side, counts: Array(mask.compressed))))
                nextID += 1
            }
        }
        try dataset.write(to: URL(filePath: output).appending(path: "annotations.json").path)
        print("\(output): \(count) pictures, \(nextID - 1) objects of \(Shape.all.count) classes")
    }
}
