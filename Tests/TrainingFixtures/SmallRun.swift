import COCO
import FixtureSupport
import Foundation
import Imaging

import Training

/// Six pictures of several sizes, no two alike, each with an object that has a mask, and trainings on them that take
/// milliseconds a step.
package struct SmallRun: Sendable {
    package let folder: TemporaryFolder

    /// Writes pictures and annotations.
    /// - Parameter empty: The numbers of pictures without an object.
    package init(empty: Set<Int> = []) throws {
        folder = try TemporaryFolder()
        var annotations = Dataset()
        annotations.categories = [COCO.Category(id: 1, name: "dog"), COCO.Category(id: 2, name: "bus")]
        for number in 0..<6 {
            let (width, height) = (80 + 10 * number, 120 - 10 * number)
            let shade = UInt8(30 * number)
            let pixels = (0..<width * height * 3).map { UInt8(truncatingIfNeeded: $0 / 7 &+ Int(shade)) }
            let name = "\(number).png"
            try Image(width: width, height: height, pixels: pixels).write(to: folder.file(name))
            annotations.images.append(
                ImageRecord(id: Int64(number), width: width, height: height, fileName: name))
            guard !empty.contains(number) else { continue }
            annotations.annotations.append(
                AnnotationRecord(
                    id: Int64(number + 1), imageID: Int64(number), categoryID: Int64(1 + number % 2),
                    box: .init(x: 10, y: 10, width: 40, height: 30),
                    segmentation: .polygons([[10, 10, 50, 10, 50, 40, 10, 40]])))
        }
        try annotations.write(to: folder.file("train.json"))
    }

    /// The configuration on a recorded CLIP, `openai-rn` or `hf-vit`.
    package func configuration(_ kind: String, _ settings: [String] = []) throws -> TrainingConfiguration {
        let clip = Fixtures.folder("clip").appending(path: kind).path
        var text = """
            preset: \(kind == "openai-rn" ? "published-small" : "vit-small")
            detector:
              clip: \(clip)\(kind == "openai-rn" ? "/model.pt" : "/model")
              input: {size: 96}
              network: {width: 16, hidden: 24, proposalCandidates: [60, 40], proposalCount: [40, 20]}
              scoring: {scorer: none}
              learning: {regionsPerImage: 16, anchorsPerImage: 32}
            data: {annotations: \(folder.file("train.json")), images: \(folder.path), batchSize: 2, jitter: [0.5, 1.5], views: 2}
            texts: {templates: single}
            run: {steps: 8, seed: 5, reportInterval: 1, isDeterministic: true}

            """
        if kind != "openai-rn" {
            text = text.replacing(
                "  scoring:", with: "  trunk: {adapterChannels: [16, 16], adapterScales: [2, 1]}\n  scoring:")
        }
        return try TrainingConfiguration(yaml: text, settings: settings)
    }

    /// Writes the annotations with changes under another name.
    /// - Parameter change: Takes the entries of a list of the file and gives those that are to be there.
    /// - Returns: The file's path.
    package func annotations(
        _ name: String, _ list: String = "annotations", _ change: ([[String: Any]]) -> [[String: Any]]
    ) throws -> String {
        let data = try Data(contentsOf: URL(filePath: folder.file("train.json")))
        guard var object = try JSONSerialization.jsonObject(with: data) as? [String: Any] else { return "" }
        object[list] = change(object[list] as? [[String: Any]] ?? [])
        return try folder.write(JSONSerialization.data(withJSONObject: object), name)
    }
}
