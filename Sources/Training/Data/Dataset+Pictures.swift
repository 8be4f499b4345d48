import COCO
import Dispatch
import Foundation
import Imaging
import Support
import Synchronization

extension Dataset {
    /// The path of a picture by the rule that all commands share; empty if the annotations name no file.
    func picturePath(_ row: Int, in folder: String) -> String {
        PictureFolder(path: folder).location(of: images[row]) ?? ""
    }

    /// Checks that pictures exist.
    /// - Throws: ``TrainingError`` with the number of missing ones and the first name; `AnnotationFileError` when the folder is
    ///   missing.
    func checkPictures(of rows: [Int], in folder: String) throws {
        let missing = rows.filter { FileStatus(picturePath($0, in: folder)) == nil }
        guard let first = missing.first else { return }
        try PictureFolder(path: folder).check()
        throw TrainingError(
            picturePath(first, in: folder),
            missing.count == 1
                ? "is not there, and the annotations name it"
                : "is not there, nor are \(missing.count - 1) other pictures of the \(rows.count) that the annotations name"
        )
    }

    /// The upright picture of a row.
    /// - Throws: ``TrainingError`` if its size differs from the annotations'; `ImagingError`.
    func picture(_ row: Int, in folder: String) throws -> Image {
        let image = try Image(contentsOf: picturePath(row, in: folder))
        try check(image.size, row, in: folder)
        return image
    }

    /// The size of the upright picture of a row, from its file's header.
    /// - Throws: The errors of ``picture(_:in:)``.
    func pictureSize(_ row: Int, in folder: String) throws -> ImageSize {
        let size = try ImageHeader(contentsOf: picturePath(row, in: folder)).size
        try check(size, row, in: folder)
        return size
    }

    private func check(_ size: ImageSize, _ row: Int, in folder: String) throws {
        let (record, path) = (images[row], picturePath(row, in: folder))
        let stated = ImageSize(width: record.width, height: record.height)
        guard record.width > 0, record.height > 0, size != stated else { return }
        var reason = "the picture is \(size) pixels (upright), but the annotations state \(stated) pixels"
        if let header = try? ImageHeader(contentsOf: path), header.storedSize == stated {
            reason +=
                ", its size before its EXIF orientation is applied: turn the pixels and remove the EXIF "
                + "orientation, or annotate it upright"
        } else {
            reason += ": use the pictures that were annotated"
        }
        throw TrainingError("image \(record.id) (\(path))", reason)
    }
}

/// Runs `body` for many indices on all processors, in random order, until a time limit.
/// - Returns: The number of indices visited.
/// - Throws: The first error of `body`.
func lookOver(_ count: Int, for duration: Duration, _ body: @Sendable (Int) throws -> Void) throws -> Int {
    var random = RandomStream(0x6C_6F6F_6B)
    let order = random.permutation(count)
    let deadline = ContinuousClock.now + duration
    let state = Mutex<(done: Int, failure: (any Error)?)>((0, nil))
    DispatchQueue.concurrentPerform(iterations: count) { place in
        guard ContinuousClock.now < deadline, state.withLock({ $0.failure == nil }) else { return }
        do {
            try body(order[place])
            state.withLock { $0.done += 1 }
        } catch {
            state.withLock { if $0.failure == nil { $0.failure = error } }
        }
    }
    return try state.withLock { state in
        if let failure = state.failure { throw failure }
        return state.done
    }
}

extension TrainingDataset {
    /// Checks annotations and pictures before a training starts, so that faults are found early.
    ///
    /// All outlines are checked, and as many pictures as the time allows are decoded, in random order; for the others
    /// the headers are read, with the same time limit. Everything else is checked on use.
    /// - Parameters:
    ///   - decodes: Whether pixels are decoded, which is unnecessary with a feature cache.
    ///   - duration: The time limit of decoding, and of reading headers.
    /// - Returns: A note if not everything was checked.
    /// - Throws: ``TrainingError`` for a missing picture, for a fault if faults are refused, and for too many faults.
    func lookOver(decodes: Bool = true, for duration: Duration = .seconds(10)) throws -> String? {
        try checkPictures()
        if options.usesMasks {
            for (row, annotations) in zip(imageRows, annotationRows) {
                let record = dataset.images[row]
                // Without a stated size, masks are checked with their pictures.
                let size = ImageSize(width: record.width, height: record.height)
                for annotation in annotations {
                    let isPolygon = dataset.annotations.segmentations.kind(annotation) == .polygons
                    guard isPolygon || size.width > 0 && size.height > 0 else { continue }
                    _ = try usableSegmentation(annotation, size)
                }
            }
        }
        @Sendable func excluding(_ body: () throws -> Void) throws {
            do { try body() } catch is ExcludedPicture {}
        }
        let decoded =
            decodes
            ? try Training.lookOver(count, for: duration) { row in
                try excluding { _ = try picture(at: row) }
            } : 0
        guard decoded < count else { return nil }
        let read = try Training.lookOver(count, for: duration) { row in
            try excluding { _ = try size(at: row) }
        }
        guard decodes else { return nil }
        return
            "\(decoded) of \(count) pictures were decoded and \(read) headers were read to look for faults; "
            + "the others are checked when they are used"
    }
}
