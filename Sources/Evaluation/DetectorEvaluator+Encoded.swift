import COCO
import FVLM

extension DetectorEvaluator {
    /// Annotated pictures that a detector has seen once, to try settings of scores on them.
    public struct Seen: Sendable {
        /// The pictures, by their rows in the annotations.
        let pictures: [(row: Int, seen: EncodedImages)]

        /// Unusable pictures and the reasons.
        public let faults: [Fault]

        /// The ids of the pictures.
        public let imageIDs: [Int64]

        /// Every second picture, from the first (0) or the second (1).
        public func half(_ half: Int) -> Seen {
            func every<Element>(_ all: [Element]) -> [Element] {
                all.enumerated().filter { $0.offset % 2 == half }.map(\.element)
            }
            return Seen(pictures: every(pictures), faults: faults, imageIDs: every(imageIDs))
        }
    }

    /// Looks at pictures, without what masks need.
    /// - Parameters:
    ///   - detector: The detector that looks.
    ///   - options: How regions are seen.
    ///   - limit: The number of pictures, those that come first; nil: all. They stay in memory.
    ///   - progress: Called with the number of pictures done and their total.
    /// - Throws: The errors of detection and of `progress`.
    public func seen(
        by detector: Detector, options: ScoringOptions, limit: Int? = nil,
        progress: (_ done: Int, _ count: Int) throws -> Void = { _, _ in }
    ) throws -> Seen {
        var pictures: [(row: Int, seen: EncodedImages)] = []
        var faults: [Fault] = []
        // Of pictures whose annotations cannot be read nothing can be learned.
        let rows = (0..<truth.images.count).filter { !gaps.images.contains(truth.images.ids[$0]) }
        let stream = try self.pictures(for: detector, rows: rows)
        let count = min(limit ?? stream.count, stream.count)
        while pictures.count < count, let batch = stream.next() {
            faults += batch.faults.map { Fault(imageID: truth.images.ids[rows[$0.index]], error: $0.error) }
            for picture in batch.pictures where pictures.count < count {
                pictures.append(
                    (
                        rows[picture.index],
                        try detector.encode(
                            prepared: [picture.value.prepared], options: options, includesMasks: false)
                    ))
            }
            try progress(min(batch.end, count), count)
        }
        return Seen(
            pictures: pictures, faults: faults, imageIDs: pictures.map { truth.images.ids[$0.row] })
    }

    /// Finds objects in pictures that were seen, with other settings of scores.
    /// - Throws: `ConfigurationError` for other settings of regions, `CLIPError`, `TorchError`.
    public func detections(in seen: Seen, options: ScoringOptions) throws -> Detections {
        var options = options
        options.includesMasks = false
        var result = Detections()
        result.faults = seen.faults
        for picture in seen.pictures {
            let record = truth.images[picture.row]
            for detection in try picture.seen.detections(of: vocabulary, options: options)[0] {
                result.table.append(
                    try DetectionRecord(
                        detection, imageID: record.id, categoryID: categoryIDs[detection.classIndex],
                        size: picture.seen.sizes[0]))
            }
        }
        return result
    }
}
