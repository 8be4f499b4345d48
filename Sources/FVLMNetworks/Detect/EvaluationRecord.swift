import COCO
import Evaluation
import FVLMCommand
import Foundation
import Support

/// The detections of an evaluation that is under way: a line of JSON a picture in FILE.progress, from which an interrupted one
/// resumes, with exactly the same figures. The record is removed when FILE is written.
///
/// The first line states what the detections depend on; a last line that is cut is made again.
final class EvaluationRecord {
    /// What is done with a record of other settings.
    enum Mismatch {
        /// It is an error.
        case refused
        /// The evaluation begins anew.
        case replaced
    }

    private struct Picture: Codable {
        let image: Int64
        let detections: [Row]
    }

    private struct Row: Codable {
        let category: Int64
        let score: Double
        let box: [Double]
        /// Height and width of the mask, and its run lengths.
        var size: [Int]?
        var counts: String?
    }

    /// The path of the record.
    let path: String

    /// What an interrupted evaluation has found.
    private(set) var earlier = DetectorEvaluator.Detections()

    private let file: FileHandle
    private var count = 0

    /// Whether the file is this run's: one that is refused is left as it is.
    private var isOwn: Bool

    /// Begins a record, or continues one.
    /// - Parameters:
    ///   - results: The results file.
    ///   - origin: What the detections depend on.
    ///   - resumes: Whether to go on with a record that is there. Otherwise it is an error: it may be hours of work.
    /// - Throws: `FileFailure`.
    init(for results: String, origin: ResultsFile.Origin, resumes: Bool, mismatch: Mismatch = .refused) throws
    {
        path = ResultsFile.record(results)
        let isThere = FileStatus(path) != nil
        isOwn = !isThere
        file = try ResultsFile.open(path)
        guard flock(file.fileDescriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw ResultsFile.refusal(results, "is being written by another process")
        }
        guard resumes || !isThere else {
            throw FileFailure(
                path, reason: "is the record of an interrupted evaluation",
                advice: "add --resume to go on with it, or remove it")
        }
        do {
            let end = try read(origin, results, mismatch)
            try file.truncate(atOffset: UInt64(end))
            try file.seekToEnd()
            if end == 0 { try write(origin) }
        } catch let error as FileFailure {
            throw error
        } catch { throw fault(error) }
        count = earlier.imageIDs.count
        isOwn = true
    }

    deinit {
        // Without a picture there is nothing to go on with.
        if isOwn, count == 0,
            FileStatus(path)?.identity == FileStatus(descriptor: file.fileDescriptor)?.identity
        {
            _ = path.withPathPointer { unlink($0) }
        }
    }

    /// Adds what was found in a picture, rows of a table.
    func append(_ imageID: Int64, _ rows: Range<Int>, of table: DetectionTable) throws {
        let detections = try rows.map { row in
            let detection = table[row]
            let box = detection.box ?? BoundingBox(x: 0, y: 0, width: 0, height: 0)
            var result = Row(
                category: detection.categoryID, score: detection.score,
                box: [box.x, box.y, box.width, box.height])
            switch detection.segmentation {
            case .compressedRunLengths(let height, let width, let counts)?:
                (result.size, result.counts) = ([height, width], String(decoding: counts, as: UTF8.self))
            case nil: break
            case let other?:
                let mask = try RunLengthMask(other, height: 0, width: 0)
                result.size = [mask.height, mask.width]
                result.counts = String(decoding: mask.compressed, as: UTF8.self)
            }
            return result
        }
        do { try write(Picture(image: imageID, detections: detections)) } catch { throw fault(error) }
        count += 1
    }

    /// Removes it: the results are written.
    func remove() throws { try Folder.remove(path) }

    private func write(_ value: some Encodable) throws {
        try file.write(contentsOf: Data((JSONText.line(value) + "\n").utf8))
    }

    /// Reads what is there, and gives its length up to its last whole line.
    private func read(_ origin: ResultsFile.Origin, _ results: String, _ mismatch: Mismatch) throws -> Int {
        let data = try file.readToEnd() ?? Data()
        guard let first = data.firstIndex(of: 0x0A) else { return 0 }
        guard let begun: ResultsFile.Origin = try? JSONText.value(of: Array(data[..<first])) else {
            throw ResultsFile.refusal(path, "is not the record of an evaluation")
        }
        if mismatch == .replaced, begun != origin {
            StandardError.note("\(path): the data set or the settings have changed: it begins anew")
            return 0
        }
        try ResultsFile.check(begun, against: origin, of: path)
        var table = DetectionTable()
        var imageIDs: [Int64] = []
        var start = first + 1
        while let stop = data[start...].firstIndex(of: 0x0A),
            let picture: Picture = try? JSONText.value(of: Array(data[start..<stop])),
            picture.detections.allSatisfy({ $0.box.count == 4 && $0.size?.count ?? 2 == 2 })
        {
            for row in picture.detections {
                let mask = row.size.flatMap { size in
                    row.counts.map {
                        Segmentation.compressedRunLengths(
                            height: size[0], width: size[1], counts: Array($0.utf8))
                    }
                }
                table.append(
                    DetectionRecord(
                        imageID: picture.image, categoryID: row.category, score: row.score,
                        box: BoundingBox(x: row.box[0], y: row.box[1], width: row.box[2], height: row.box[3]),
                        segmentation: mask))
            }
            imageIDs.append(picture.image)
            start = stop + 1
        }
        earlier = DetectorEvaluator.Detections(table: table, imageIDs: imageIDs)
        return start
    }

    private func fault(_ error: any Error) -> FileFailure {
        FileFailure(
            path, reason: "cannot be written: \(SystemErrorText(error).text)",
            advice: "use --resume to continue", exitStatus: .failure)
    }
}
