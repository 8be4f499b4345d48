import COCO
import DatasetFormats
import DetectionResults
import Evaluation
import FVLM
import FVLMCommand
import Foundation
import Imaging
import Support

/// The output text of `fvlm detect`, picture by picture.
struct DetectionReport {
    /// Formats of the results.
    enum Format: String, CaseIterable {
        case table
        case json
        case coco
        /// Tasks with predictions, in one list.
        case labelStudio = "labelstudio"
        /// CVAT for images 1.1.
        case cvat
        /// A folder with a file a picture.
        case voc
        /// A folder with a file a picture.
        case yolo

        /// Whether the results are a folder with a file a picture.
        var isFolder: Bool { self == .voc || self == .yolo }

        /// Whether the results are one document, which is of no use before its end.
        var isDocument: Bool { self == .coco || self == .labelStudio || self == .cvat }
    }

    let format: Format
    private let includesMasks: Bool
    private let categoryIDs: [Int64]
    private let categories: [COCO.Category]
    private let columns: [Column]
    private let widths: [Int]

    /// A column of the table; the first three are aligned to the left.
    private enum Column: String {
        case picture
        case label = "class"
        case box
        case score
        case detector
        case clip = "CLIP"
    }

    /// Creates a report.
    /// - Parameters:
    ///   - hasCLIPScores: Whether CLIP scores regions.
    ///   - files: All pictures, for the width of their column.
    ///   - names: All classes, for the width of their column.
    ///   - categoryIDs: The ids of their categories in a COCO results file.
    init(
        format: Format, includesMasks: Bool, hasCLIPScores: Bool,
        files: [String], names: [String], categoryIDs: [Int64]
    ) {
        self.format = format
        self.includesMasks = includesMasks
        self.categoryIDs = categoryIDs
        categories = DetectedPicture.categories(names)
        columns = [.picture, .label, .box, .score, .detector] + (hasCLIPScores ? [.clip] : [])
        // Fixed before anything is detected, so that rows can be printed immediately.
        widths = columns.map { column in
            switch column {
            case .picture: files.map(\.count).max() ?? 0
            case .label: max(names.map(\.count).max() ?? 0, Self.nothing.count)
            case .box: "9999 9999 9999 9999".count
            case .score, .detector, .clip: max(column.rawValue.count, "0.000".count)
            }
        }
    }

    private static let nothing = "nothing found"

    /// One detection in the format of a COCO results file.
    private struct Entry: Encodable {
        let image_id: Int
        let file_name: String
        let category_id: Int64
        let category_name: String
        let bbox: [Double]
        let score: Float
        let segmentation: CompressedMask?
    }

    /// The text before the first picture.
    var header: String {
        switch format {
        case .json, .voc, .yolo: ""
        case .coco: "["
        case .labelStudio: "[\n"
        case .cvat: cvatText { CVATText(categories: categories).begin(&$0) }
        case .table: row(columns.map(\.rawValue))
        }
    }

    /// What comes after the last picture.
    var footer: String {
        switch format {
        case .coco, .labelStudio: "\n]\n"
        case .cvat: cvatText { CVATText(categories: categories).end(&$0) }
        case .table, .json, .voc, .yolo: ""
        }
    }

    private func cvatText(_ body: (inout TextBuffer) -> Void) -> String {
        var text = TextBuffer()
        body(&text)
        return text.text
    }

    /// The file of a picture in a folder of labels.
    ///
    /// - Parameter file: The picture's name in the folder.
    func labels(_ file: String, _ size: ImageSize, _ detections: [FVLMDetection]) throws -> [UInt8] {
        let picture = try DetectedPicture(
            file, size, detections, categories: categories, includesMasks: includesMasks)
        return try format == .voc ? picture.vocFile() : picture.yoloFile(includesMasks: includesMasks)
    }

    /// The text of a picture's detections.
    /// - Parameters:
    ///   - id: The picture's id in a COCO results file.
    ///   - presence: How likely the picture has each class, by its name, for JSON.
    ///   - isFirst: Whether no detection was written before.
    func text(
        _ file: String, id: Int, _ size: ImageSize, _ detections: [FVLMDetection],
        presence: [String: Float]? = nil, isFirst: Bool
    ) throws -> String {
        if format == .labelStudio || format == .cvat {
            let picture = try DetectedPicture(
                file, size, detections, categories: categories, includesMasks: includesMasks)
            guard format == .labelStudio else { return try picture.cvatElement(number: id) }
            return try (isFirst ? "" : ",\n") + picture.labelStudioTask(model: "fvlm")
        }
        let file = file.displayedPath
        switch format {
        case .json:
            return try PictureResult(
                file, size, detections, includesMasks: includesMasks, presence: presence
            ).line() + "\n"
        case .coco:
            let masks = try runLengths(detections, size)
            let entries = try zip(detections, masks).map { detection, mask in
                try JSONText.line(
                    Entry(
                        image_id: id, file_name: file, category_id: categoryIDs[detection.classIndex],
                        category_name: detection.label, bbox: detection.box.rounded, score: detection.score,
                        segmentation: mask))
            }
            let text = entries.joined(separator: ",\n")
            return text.isEmpty ? "" : (isFirst ? "\n" : ",\n") + text
        case .labelStudio, .cvat, .voc, .yolo: return ""
        case .table:
            if detections.isEmpty { return row([file, Self.nothing]) }
            return detections.enumerated().map { place, detection in
                row([
                    place == 0 ? file : "", detection.label,
                    detection.box.rounded.map { NumberText.decimals($0, 0) }.joined(separator: " "),
                    NumberText.decimals(Double(detection.score), 3),
                    NumberText.decimals(Double(detection.detectorScore), 3),
                    NumberText.decimals(Double(detection.vlmScore), 3),
                ])
            }.joined()
        }
    }

    private func row(_ cells: [String]) -> String {
        TextTable([Array(cells.prefix(columns.count))], leftAligned: 3, widths: widths).text
    }

    private func runLengths(_ detections: [FVLMDetection], _ size: ImageSize) throws -> [CompressedMask?] {
        guard includesMasks else { return detections.map { _ in nil } }
        return try detections.map { try CompressedMask($0, in: size) }
    }
}
