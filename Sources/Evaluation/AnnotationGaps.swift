import COCO

/// Pictures whose annotations are not whole: what is found in them cannot be told right from wrong.
package struct AnnotationGaps: Sendable {
    /// Ids of images with an annotation that cannot be read. They are not measured.
    package private(set) var images: Set<Int64> = []

    /// Ids of images with a mask that cannot be read, beside ``images``. They are not measured by masks.
    package private(set) var maskImages: Set<Int64> = []

    /// What is left out, in a sentence each.
    package private(set) var notes: [String] = []

    /// The largest share of the pictures that may be left out, as for a training.
    private static let limit = 0.2

    /// - Parameters:
    ///   - scored: The ids of the categories that are scored.
    ///   - includesMasks: Whether masks are looked at.
    /// - Throws: ``EvaluationError`` when too many pictures would be left out.
    package init(_ truth: Dataset, scored: Set<Int64>, includesMasks: Bool = true) throws {
        var (records, masks): ([String], [String]) = ([], [])
        for fault in truth.faults where fault.loss == .annotation {
            records.append("\(fault.error)")
            if let id = fault.imageID { images.insert(id) }
        }
        for fault in truth.faults where fault.loss == .segmentation && includesMasks {
            masks.append("\(fault.error)")
            if let id = fault.imageID { maskImages.insert(id) }
        }
        let annotations = truth.annotations
        for row in 0..<annotations.count where includesMasks && scored.contains(annotations.categoryIDs[row])
        {
            guard let reason = Self.fault(ofMask: row, truth) else { continue }
            masks.append("annotation \(annotations.ids[row]): \(reason)")
            maskImages.insert(annotations.imageIDs[row])
        }
        maskImages.subtract(images)
        let most = max(1, Int(Self.limit * Double(truth.images.count)))
        if let first = records.first {
            guard images.count <= most else {
                throw EvaluationError(
                    "annotations",
                    "\(records.count) cannot be read, of more pictures than the fifth that may be left out; the first: \(first)"
                )
            }
            notes.append(
                Self.counted(records.count, "annotation") + " cannot be read, and "
                    + Self.counted(images.count, "picture") + " with them not measured (the first: \(first))")
        }
        if let first = masks.first {
            notes.append(
                Self.counted(masks.count, "mask") + " cannot be read, and "
                    + Self.counted(maskImages.count, "picture")
                    + " with them not measured by masks (the first: \(first))")
        }
        let odd = truth.faults.filter { includesMasks && $0.loss == .unpairedNumber }
        if let first = odd.first {
            notes.append(
                Self.counted(odd.count, "polygon")
                    + " with an odd count of numbers: the last one is passed over, as by pycocotools (the first: \(first.error))"
            )
        }
    }

    private static func counted(_ count: Int, _ name: String) -> String {
        "\(count) \(name)\(count == 1 ? "" : "s")"
    }

    /// Why the mask of a row cannot be made; nil when it can, or there is none.
    private static func fault(ofMask row: Int, _ truth: Dataset) -> String? {
        let column = truth.annotations.segmentations
        switch column.kind(row) {
        case .none: return nil
        case .polygons:
            let isDrawable = (0..<column.ringCount(row)).contains { column.ring($0, ofRow: row).count >= 6 }
            return isDrawable ? nil : "has polygons of fewer than three points, which cover nothing"
        case .runLengths, .compressedRunLengths:
            guard let segmentation = column[row] else { return nil }
            do {
                _ = try RunLengthMask(segmentation, height: 0, width: 0)
                return nil
            } catch { return "\(error)" }
        }
    }
}
