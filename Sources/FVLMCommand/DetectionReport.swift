#if FVLM_TORCH
    import COCO
    import FVLM
    import Foundation
    import Imaging

    /// What `fvlm detect` prints.
    final class DetectionReport {
        private let format: DetectCommand.Format
        private let includesMasks: Bool
        private let options: DetectionOptions
        private var rows = [["picture", "class", "box", "score", "detector", "CLIP"]]
        private var results: [Entry] = []
        private var pictureCount = 0

        init(format: DetectCommand.Format, includesMasks: Bool, options: DetectionOptions) {
            self.format = format
            self.includesMasks = includesMasks
            self.options = options
        }

        /// A mask in the packed text form of the COCO tools.
        private struct Mask: Encodable {
            let size: [Int]
            let counts: String
        }

        /// One detection in the form of `--json`.
        private struct Found: Encodable {
            let box: [Double]
            let score: Float
            let detector_score: Float
            let vlm_score: Float
            let label: String
            let segmentation: Mask?
        }

        /// One picture in the form of `--json`.
        private struct Line: Encodable {
            let file: String
            let width: Int
            let height: Int
            let detections: [Found]
        }

        /// One detection in the form of a COCO results file.
        private struct Entry: Encodable {
            let image_id: Int
            let file_name: String
            let category_id: Int
            let category_name: String
            let bbox: [Double]
            let score: Float
            let segmentation: Mask?
        }

        /// Adds a picture's detections; lines are printed at once.
        func add(_ file: String, _ size: ImageSize, _ detections: [FVLMDetection]) throws {
            pictureCount += 1
            let masks = try runLengths(detections, size)
            switch format {
            case .json:
                let found = zip(detections, masks).map { detection, mask in
                    Found(
                        box: detection.rounded, score: detection.score,
                        detector_score: detection.detectorScore, vlm_score: detection.vlmScore,
                        label: detection.label, segmentation: mask)
                }
                let line = Line(file: file, width: size.width, height: size.height, detections: found)
                print(try JSONLine.text(line))
            case .coco:
                // COCO's file names are its ids; other pictures are numbered.
                let name = URL(filePath: file).deletingPathExtension().lastPathComponent
                let id = Int(name) ?? pictureCount
                results += zip(detections, masks).map { detection, mask in
                    Entry(
                        image_id: id, file_name: file, category_id: detection.classIndex + 1,
                        category_name: detection.label, bbox: detection.rounded, score: detection.score,
                        segmentation: mask)
                }
            case .table:
                if detections.isEmpty { rows.append([file, "nothing found"]) }
                for (place, detection) in detections.enumerated() {
                    rows.append([
                        place == 0 ? file : "", detection.label,
                        detection.rounded.map { String(format: "%.0f", $0) }.joined(separator: " "),
                        String(format: "%.3f", detection.score),
                        String(format: "%.3f", detection.detectorScore),
                        String(format: "%.3f", detection.vlmScore),
                    ])
                }
            }
        }

        /// Prints what comes at the end.
        func finish() throws {
            switch format {
            case .json: break
            case .coco: print(try JSONLine.text(results))
            case .table: print(TextTable(rows, leftAligned: 3).text, terminator: "")
            }
        }

        private func runLengths(_ detections: [FVLMDetection], _ size: ImageSize) throws -> [Mask?] {
            guard includesMasks, format != .table else { return detections.map { _ in nil } }
            return try FVLMDetection.masks(of: detections, size: size, options: options).map { mask in
                try mask.map {
                    let runs = try RunLengthMask(height: $0.height, width: $0.width, pixels: $0.bytes)
                    return Mask(
                        size: [$0.height, $0.width], counts: String(decoding: runs.compressed, as: UTF8.self))
                }
            }
        }
    }

    extension FVLMDetection {
        /// x, y, width, height, to a hundredth of a pixel.
        fileprivate var rounded: [Double] {
            [box.x1, box.y1, box.width, box.height].map { ($0 * 100).rounded() / 100 }
        }
    }

    /// Where the time went, as a table on standard error.
    enum ProfileTable {
        static func print(_ profile: StageProfile, pictures: Int) {
            var rows = [["stage", "ms a picture", "share"]]
            let times = profile.seconds
            let total = times.reduce(0) { $0 + $1.seconds }
            for (stage, seconds) in times {
                rows.append([
                    stage.rawValue, String(format: "%.1f", seconds * 1000 / Double(pictures)),
                    String(format: "%.0f %%", 100 * seconds / max(total, 1e-9)),
                ])
            }
            rows.append(["all", String(format: "%.1f", total * 1000 / Double(pictures)), ""])
            FileHandle.standardError.write(Data(TextTable(rows, leftAligned: 1).text.utf8))
        }
    }
#endif
