import Foundation
import Tracking

extension TrackingTest.Film {
    /// A frame as it is written.
    private struct Row: Codable {
        /// Left, top, right, bottom, score, class.
        var found: [[Double]]
        /// The embeddings one after another, as bytes of 32-bit numbers.
        var looks: Data
        /// Number, left, top, right, bottom.
        var objects: [[Double]]
    }

    /// Reads what ``write(to:)`` wrote.
    /// - Parameter frames: The number of frames that the film has.
    init(contentsOf path: String, frames: Int) throws {
        let rows: [Row]
        do {
            rows = try JSONDecoder().decode([Row].self, from: Data(contentsOf: URL(filePath: path)))
        } catch {
            throw EmojiScenesError(path, reason: "is no file of --found: \(error)")
        }
        guard rows.count == frames, rows.allSatisfy({ ($0.found + $0.objects).allSatisfy { $0.count >= 5 } })
        else { throw EmojiScenesError(path, reason: "is of another film: use another folder for --found") }
        for row in rows {
            let looks = row.looks.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
            let width = row.found.isEmpty ? 0 : looks.count / row.found.count
            detections.append(
                row.found.enumerated().map { place, values in
                    TrackedDetection(
                        box: TrackedBox(
                            left: values[0], top: values[1], right: values[2], bottom: values[3]),
                        score: values[4], classIndex: Int(values.last ?? 0),
                        embedding: Array(looks[place * width..<(place + 1) * width]))
                })
            objects.append(
                row.objects.map {
                    (Int($0[0]), TrackedBox(left: $0[1], top: $0[2], right: $0[3], bottom: $0[4]))
                })
        }
    }

    /// Writes what was found and what was there.
    func write(to path: String) throws {
        let rows = zip(detections, objects).map { detections, objects in
            Row(
                found: detections.map {
                    [$0.box.left, $0.box.top, $0.box.right, $0.box.bottom, $0.score, Double($0.classIndex)]
                },
                looks: detections.flatMap { $0.embedding ?? [] }.withUnsafeBytes { Data($0) },
                objects: objects.map {
                    [Double($0.number), $0.box.left, $0.box.top, $0.box.right, $0.box.bottom]
                })
        }
        try FileManager.default.createDirectory(
            at: URL(filePath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
        try JSONEncoder().encode(rows).write(to: URL(filePath: path), options: .atomic)
    }
}
