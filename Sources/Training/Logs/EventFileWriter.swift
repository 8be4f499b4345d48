import Evaluation
import Foundation
import Support

/// Writes a file that TensorBoard opens: scalars, pictures and precision-recall curves by step.
///
/// TFRecord framing around messages of TensorFlow's `event.proto`, `summary.proto` and `tensor.proto`, whose field numbers
/// stand beside the calls. A file can be read while it is written; one that was cut off is readable up to the last
/// whole record.
final class EventFileWriter {
    /// The path of the file.
    let path: String

    private let file: FileHandle

    /// Begins a file `events.out.tfevents.<seconds>.<host>.<process>` in a folder.
    /// - Parameter firstStep: TensorBoard then forgets what earlier files of the folder say about this step and later
    ///   ones.
    /// - Throws: ``TrainingError`` when the file cannot be written.
    init(folder: String, firstStep: Int? = nil, date: Date = Date()) throws {
        let process = ProcessInfo.processInfo
        let seconds = String(format: "%010lld", Int64(date.timeIntervalSince1970))
        let host = process.hostName.filter { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "." }
        var path = "\(folder)/events.out.tfevents.\(seconds).\(host).\(process.processIdentifier)"
        // A second run within a second, of the same process, must not overwrite the first.
        var number = 0
        while FileManager.default.fileExists(atPath: "\(path).\(number)") { number += 1 }
        path += ".\(number)"
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try Data().write(to: URL(filePath: path))
            file = try FileHandle(forWritingTo: URL(filePath: path))
        } catch {
            throw TrainingError(path, "cannot be written: \(error.oneLine)", exitStatus: .failure)
        }
        self.path = path
        try write(step: nil, date) { $0.add(3, "brain.Event:2") }  // file_version
        if let firstStep {
            try write(step: firstStep, date) { event in
                event.add(7) { $0.add(1, Int64(1)) }  // session_log.status = START
            }
        }
    }

    deinit { try? file.close() }

    /// Writes a number.
    /// - Throws: ``TrainingError`` when the file cannot be written.
    func write(scalar value: Double, tag: String, step: Int, date: Date = Date()) throws {
        try write(summary: tag, step, date) { $0.add(2, Float(value)) }  // simple_value
    }

    /// Writes a picture.
    /// - Throws: As ``write(scalar:tag:step:date:)``.
    func write(picture: EvaluationReport.Picture, tag: String, step: Int, date: Date = Date()) throws {
        try write(summary: tag, step, date) { value in
            value.add(4) { image in  // image
                image.add(1, Int64(picture.height))
                image.add(2, Int64(picture.width))
                image.add(3, Int64(3))  // colorspace = RGB
                image.add(4, picture.png)  // encoded_image_string
            }
        }
    }

    /// Writes a precision-recall curve for the plug-in `pr_curves`: a tensor [6, thresholds] of true positives, false
    /// positives, true negatives, false negatives, precision and recall. Detection knows no true negatives: zeros.
    /// - Throws: As ``write(scalar:tag:step:date:)``.
    func write(curve: PrecisionRecallCurve, tag: String, step: Int, date: Date = Date()) throws {
        let count = curve.thresholds.count
        let missed = curve.truePositives.map { max(Double(curve.objectCount) - $0, 0) }
        let rows = [
            curve.truePositives, curve.falsePositives, Array(repeating: 0, count: count), missed,
            curve.precision, curve.recall,
        ]
        var content: [UInt8] = []
        for value in rows.joined() {
            withUnsafeBytes(of: Float(value).bitPattern.littleEndian) { content.append(contentsOf: $0) }
        }
        try write(summary: tag, step, date) { value in
            value.add(8) { tensor in  // tensor
                tensor.add(1, Int64(1))  // dtype = DT_FLOAT
                tensor.add(2) { shape in  // tensor_shape
                    for size in [6, count] { shape.add(2) { $0.add(1, Int64(size)) } }  // dim.size
                }
                tensor.add(4, content)  // tensor_content
            }
            value.add(9) { metadata in  // metadata
                metadata.add(1) { plugin in  // plugin_data
                    plugin.add(1, "pr_curves")
                    plugin.add(2) { $0.add(2, Int64(count)) }  // content: num_thresholds
                }
                metadata.add(2, curve.name)  // display_name
            }
        }
    }

    // MARK: Records

    private func write(
        summary tag: String, _ step: Int, _ date: Date, _ body: (inout ProtobufMessage) -> Void
    ) throws {
        try write(step: step, date) { event in
            event.add(5) { summary in  // summary
                summary.add(1) { value in  // value
                    value.add(1, tag)
                    body(&value)
                }
            }
        }
    }

    private func write(step: Int?, _ date: Date, _ body: (inout ProtobufMessage) -> Void) throws {
        var event = ProtobufMessage()
        event.add(1, date.timeIntervalSince1970)  // wall_time
        if let step { event.add(2, Int64(step)) }
        body(&event)
        do { try file.write(contentsOf: Data(Self.record(event.bytes))) } catch {
            throw TrainingError(path, "cannot be written: \(error.oneLine)", exitStatus: .failure)
        }
    }

    /// A record of a TFRecord file: length, checksum of the length, data, checksum of the data.
    static func record(_ data: [UInt8]) -> [UInt8] {
        func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
            withUnsafeBytes(of: value.littleEndian) { Array($0) }
        }
        let length = bytes(UInt64(data.count))
        return length + bytes(CRC32C.masked(length)) + data + bytes(CRC32C.masked(data))
    }
}
