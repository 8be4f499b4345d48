import COCO
import FixtureSupport
import Foundation
import Imaging

/// A training that takes milliseconds a step: six pictures, a recorded CLIP, narrow heads.
struct SmallTraining {
    /// The configuration's path.
    let configuration: String

    /// Writes pictures, annotations and the configuration into a folder.
    init(in folder: TemporaryFolder, steps: Int) throws {
        var annotations = Dataset()
        annotations.categories = [COCO.Category(id: 1, name: "dog"), COCO.Category(id: 2, name: "bus")]
        for number in 0..<6 {
            let (width, height) = (60 + 8 * number, 90 - 8 * number)
            var image = try Image(width: width, height: height, filledWith: .white)
            for y in 10..<34 {
                for x in 8..<40 { image[x, y] = Palette.color(at: number % 2) }
            }
            let name = "\(number).png"
            try image.write(to: folder.write("", "train/\(name)"))
            annotations.images.append(
                ImageRecord(id: Int64(number), width: width, height: height, fileName: name))
            annotations.annotations.append(
                AnnotationRecord(
                    id: Int64(number + 1), imageID: Int64(number), categoryID: Int64(1 + number % 2),
                    box: .init(x: 8, y: 10, width: 32, height: 24),
                    segmentation: .polygons([[8, 10, 40, 10, 40, 34, 8, 34]])))
        }
        try annotations.write(to: folder.file("train.json"))
        configuration = try folder.write(
            """
            preset: published-small
            detector:
              clip: \(SmallDetector.clip)
              input: {size: 64}
              network: {width: 8, hidden: 16, proposalCandidates: [60, 40], proposalCount: [40, 20]}
              learning: {regionsPerImage: 16, anchorsPerImage: 32}
            data: {annotations: train.json, images: train, batchSize: 2, jitter: [0.5, 1.5]}
            texts: {templates: single}
            optimizer: {averageDecay: 0.9, clipNorm: 10}
            run: {steps: \(steps), seed: 5, reportInterval: 1}

            """, "train.yaml")
    }

    /// Writes annotations that name the first picture again and again, for evaluations that take their time.
    func repeated(_ count: Int, in folder: TemporaryFolder) throws -> String {
        let (one, path) = (try Dataset(contentsOf: folder.file("train.json")), folder.file("many.json"))
        var many = Dataset()
        many.categories = one.categories
        for number in 0..<count {
            var image = one.images[number % 2]
            image.id = Int64(number)
            many.images.append(image)
            var object = one.annotations[number % 2]
            object.id = Int64(number + 1)
            object.imageID = Int64(number)
            many.annotations.append(object)
        }
        try many.write(to: path)
        return path
    }
}
