import Support
import Synchronization

extension DatasetCheck {
    /// Checks boxes, polygons, masks and areas.
    func annotationFindings(
        _ dataset: Dataset, _ progress: @Sendable (_ done: Int) -> Void
    ) throws -> [DatasetFinding] {
        let examiner = AnnotationExaminer(dataset)
        var faults = [AnnotationFaults](repeating: [], count: dataset.annotations.count)
        // The counter is shared between threads, so it is updated in large steps.
        let step = 256
        let done = Atomic<Int>(0)
        try faults.withUnsafeMutableBufferPointer { buffer in
            guard let shared = buffer.baseAddress.map(Parallel.Shared.init) else { return }
            try Parallel.forEach(
                count: dataset.annotations.count, threads: Parallel.threadCount(threadCount), grain: step,
                state: {}
            ) { _, row in
                shared.base[row] = examiner.faults(row)
                if row % step == step - 1 { progress(done.add(step, ordering: .relaxed).newValue) }
            }
        }
        let findings = AnnotationFaults.codes.indices.compactMap { bit in
            let code = AnnotationFaults.codes[bit]
            var builder = builder(code)
            for row in faults.indices where faults[row].has(bit) {
                builder.add(id: dataset.annotations.ids[row], examiner.describe(row, code))
            }
            return builder.finding
        }
        return findings + [repeatedAnnotations(dataset)].compactMap(\.self)
    }

    private struct Place: Hashable {
        let imageID: Int64
        let categoryID: Int64
        let box: BoundingBox
    }

    private func repeatedAnnotations(_ dataset: Dataset) -> DatasetFinding? {
        let annotations = dataset.annotations
        var builder = builder(.duplicateAnnotation)
        var firsts: [Place: Int] = [:]
        firsts.reserveCapacity(annotations.count)
        for row in 0..<annotations.count where annotations.flags[row].contains(.hasBox) {
            let place = Place(
                imageID: annotations.imageIDs[row], categoryID: annotations.categoryIDs[row],
                box: annotations.boxes[row])
            if let first = firsts[place] {
                builder.add(
                    id: annotations.ids[row],
                    "annotation \(annotations.ids[row]) in image \(place.imageID), same as annotation "
                        + "\(annotations.ids[first])")
            } else {
                firsts[place] = row
            }
        }
        return builder.finding
    }
}

extension AnnotationExaminer {
    /// An example of a finding as text.
    func describe(_ row: Int, _ code: DatasetFinding.Code) -> String {
        let annotations = dataset.annotations
        let name = "annotation \(annotations.ids[row]) in image \(annotations.imageIDs[row])"
        switch code {
        case .boxNotFinite, .boxEmpty: return "\(name): box \(text(annotations.boxes[row]))"
        case .boxOutside, .boxBeyondEdge:
            return "\(name): box \(text(annotations.boxes[row]))\(sizeText(row))"
        case .polygonOddCount, .polygonTooShort:
            let column = annotations.segmentations
            let counts = (0..<column.ringCount(row)).map { column.ring($0, ofRow: row).count }
            let wrong = counts.first { code == .polygonOddCount ? !$0.isMultiple(of: 2) : $0 < 6 }
            return "\(name): a polygon of \(wrong ?? 0) numbers"
        case .polygonBeyondEdge:
            guard let segmentation = annotations.segmentations[row],
                case .polygons(let rings) = segmentation, let box = BoundingBox(around: rings)
            else { return name }
            return "\(name): polygons within \(text(box))\(sizeText(row))"
        case .maskSizeDiffers:
            guard let size = annotations.segmentations.size(row) else { return name }
            return "\(name): a mask of \(size.width) x \(size.height)\(sizeText(row))"
        case .maskBroken: return "\(name)\(maskFailure(row))"
        case .areaNotFinite: return "\(name): area \(annotations.areas[row])"
        case .areaDisagrees:
            let against =
                mask(row).map { "the mask has \(short($0.area))" }
                ?? "the box has \(short(annotations.boxes[row].area))"
            return "\(name): area \(short(annotations.areas[row])), \(against)"
        case .boxDisagrees:
            let own = mask(row).map { ", the mask's is \(text($0.box))" } ?? ""
            return "\(name): box \(text(annotations.boxes[row]))\(own)"
        default: return name
        }
    }

    private func mask(_ row: Int) -> MaskShape? {
        var faults: AnnotationFaults = []
        return shape(row, size(row), &faults)
    }

    private func maskFailure(_ row: Int) -> String {
        guard let segmentation = dataset.annotations.segmentations[row] else { return "" }
        let size = size(row)
        do {
            _ = try RunLengthMask(segmentation, height: Int(size?.height ?? 0), width: Int(size?.width ?? 0))
            return ""
        } catch {
            return ": \(error)"
        }
    }

    private func sizeText(_ row: Int) -> String {
        size(row).map { " in a picture of \(short($0.width)) x \(short($0.height))" } ?? ""
    }

    private func text(_ box: BoundingBox) -> String {
        "[" + [box.x, box.y, box.width, box.height].map(short).joined(separator: ", ") + "]"
    }

    /// A number with at most two decimals.
    private func short(_ value: Double) -> String {
        guard value.isFinite, value.magnitude < 1e12 else { return "\(value)" }
        let rounded = (value * 100).rounded() / 100
        return rounded == rounded.rounded() ? "\(Int64(rounded))" : "\(rounded)"
    }
}
