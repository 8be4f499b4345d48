import Evaluation
import Foundation
import Support

/// Writes a training's events for TensorBoard.
final class TensorBoardLog {
    private let writer: EventFileWriter

    /// Creates a log in a folder for TensorBoard.
    /// - Parameter resumedStep: The number of steps made by a resumed training.
    /// - Throws: ``TrainingError`` if it cannot be written.
    init(folder: String, resumedStep: Int? = nil) throws {
        // Data of the step itself was written after it and is not repeated.
        writer = try EventFileWriter(folder: folder, firstStep: resumedStep.map { $0 + 1 })
    }

    /// Writes the parts of an event that TensorBoard can show.
    /// - Throws: ``TrainingError`` if it cannot be written.
    func record(_ event: TrainingEvent) throws {
        switch event {
        case .progress(let progress):
            func scalar(_ tag: String, _ value: Double) throws {
                try writer.write(scalar: value, tag: tag, step: progress.step)
            }
            try scalar("train/loss", progress.loss)
            for loss in progress.losses { try scalar("train/\(loss.name)", loss.value) }
            try scalar("train/learning_rate", progress.learningRate)
            try scalar("train/gradient_norm", progress.gradientNorm)
            try scalar("speed/images_per_second", progress.imagesPerSecond)
        case .evaluated(let step, let report):
            for metric in report.metrics {
                try writer.write(scalar: metric.value, tag: "evaluation/\(metric.name)", step: step)
            }
            for curve in report.curves {
                try writer.write(curve: curve, tag: "precision_recall/\(curve.name)", step: step)
            }
            for picture in report.pictures {
                try writer.write(picture: picture, tag: "predictions/\(picture.name)", step: step)
            }
        default: break
        }
    }
}

/// Writes a TensorBoard event file: scalars, pictures and precision-recall curves by step.
///
/// TFRecord framing around messages of TensorFlow's `event.proto`, `summary.proto` and `tensor.proto`, whose field
/// numbers are noted at the calls. A file can be read while it is being written; a truncated one is readable up to the
/// last complete record.
final class EventFileWriter {
    /// The path of the file.
    let path: String

    private let file: FileHandle

    /// Creates a file `events.out.tfevents.<seconds>.<host>.<process>` in a folder.
    /// - Parameter firstStep: TensorBoard then discards data from earlier files of the folder for this step and later
    ///   ones.
    /// - Throws: ``TrainingError`` if the file cannot be written.
    init(folder: String, firstStep: Int? = nil, date: Date = Date()) throws {
        let process = ProcessInfo.processInfo
        let seconds = String(format: "%010lld", Int64(date.timeIntervalSince1970))
        let host = process.hostName.filter { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "." }
        var path = "\(folder)/events.out.tfevents.\(seconds).\(host).\(process.processIdentifier)"
        // A second run of the same process within a second must not overwrite the first.
        var number = 0
        while FileStatus("\(path).\(number)") != nil { number += 1 }
        path += ".\(number)"
        do {
            try Folder.make(folder)
            file = try FileHandle(appendingTo: path)
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

    /// Writes a scalar.
    /// - Throws: ``TrainingError`` if the file cannot be written.
    func write(scalar value: Double, tag: String, step: Int, date: Date = Date()) throws {
        try write(summary: tag, step, date) { $0.add(2, Float(value)) }  // simple_value
    }

    /// Writes a picture.
    /// - Throws: The errors of ``write(scalar:tag:step:date:)``.
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
    /// positives, true negatives, false negatives, precision and recall. Detection has no true negatives: zeros.
    /// - Throws: The errors of ``write(scalar:tag:step:date:)``.
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

    /// A TFRecord record: length, checksum of the length, data, checksum of the data.
    static func record(_ data: [UInt8]) -> [UInt8] {
        func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
            withUnsafeBytes(of: value.littleEndian) { Array($0) }
        }
        let length = bytes(UInt64(data.count))
        return length + bytes(CRC32C.masked(length)) + data + bytes(CRC32C.masked(data))
    }
}

/// An encoded protocol buffer message, built field by field (protobuf.dev, "Encoding").
struct ProtobufMessage {
    private(set) var bytes: [UInt8] = []

    private enum WireType: UInt64 {
        case varint = 0
        case eightBytes = 1
        case lengthDelimited = 2
        case fourBytes = 5
    }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private mutating func key(_ field: UInt64, _ type: WireType) { varint(field << 3 | type.rawValue) }

    /// An integer or an enumeration's value.
    mutating func add(_ field: UInt64, _ value: Int64) {
        key(field, .varint)
        varint(UInt64(bitPattern: value))
    }

    /// A `double`.
    mutating func add(_ field: UInt64, _ value: Double) {
        key(field, .eightBytes)
        withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// A `float`.
    mutating func add(_ field: UInt64, _ value: Float) {
        key(field, .fourBytes)
        withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// `bytes`.
    mutating func add(_ field: UInt64, _ value: [UInt8]) {
        key(field, .lengthDelimited)
        varint(UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    /// A `string`.
    mutating func add(_ field: UInt64, _ value: String) { add(field, Array(value.utf8)) }

    /// A message, filled by `body`.
    mutating func add(_ field: UInt64, _ body: (inout ProtobufMessage) -> Void) {
        var message = ProtobufMessage()
        body(&message)
        add(field, message.bytes)
    }
}
