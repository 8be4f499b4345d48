import Support
import Foundation

/// A stream of picture files for a network: read, decoded and prepared ahead on other threads, and delivered in
/// batches.
///
/// ```swift
/// let stream = PictureStream(paths, batchSize: 8) { image, _ in try detector.prepare(image) }
/// while let batch = await stream.next() {
///     for fault in batch.faults { note("skipped: \(fault.error)") }
///     let found = try await detector.detect(prepared: batch.pictures.map(\.value), vocabulary: vocabulary)
/// }
/// ```
///
/// An unusable file is reported in its batch and is not an error of the stream: the caller decides whether it ends the
/// work.
package final class PictureStream<Value: Sendable> {
    /// A prepared picture.
    package struct Picture: Sendable {
        /// The index of its path in the list.
        package let index: Int

        /// The result of `prepare`.
        package let value: Value
    }

    /// A file that could not be read, decoded or prepared.
    package struct Fault: Sendable {
        /// The index of its path in the list.
        package let index: Int

        /// The reason.
        package let error: any Error
    }

    /// A batch of pictures, and the files that failed on the way to it.
    package struct Batch: Sendable {
        /// As many pictures as fit a batch; fewer, or none, at the end of the stream.
        package fileprivate(set) var pictures: [Picture] = []

        /// Files that failed since the last batch.
        package fileprivate(set) var faults: [Fault] = []

        /// The number of files of the list that are processed after this batch.
        package fileprivate(set) var end: Int

        /// The time spent reading, decoding and preparing, on the threads that did it.
        package fileprivate(set) var time = Duration.zero
    }

    private typealias Made = (value: Value, time: Duration)

    /// The number of files.
    package let count: Int

    private let batchSize: Int
    private let pictures: ReadAhead<Made>
    private var position = 0

    /// Starts reading immediately.
    ///
    /// - Parameters:
    ///   - paths: The files.
    ///   - batchSize: The number of pictures in a batch. One more batch, or one picture per processor, is read ahead.
    ///   - options: How files are decoded.
    ///   - prepare: Converts a picture to the caller's value, given its index in the list; called on several threads.
    package init(
        _ paths: [String], batchSize: Int = 1, options: DecodingOptions = DecodingOptions(),
        prepare: @escaping @Sendable (Image, Int) throws -> Value
    ) {
        let batchSize = min(max(batchSize, 1), max(paths.count, 1))
        count = paths.count
        self.batchSize = batchSize
        let window = batchSize + max(batchSize, ProcessInfo.processInfo.activeProcessorCount)
        pictures = ReadAhead(count: paths.count, window: window) { index in
            let start = ContinuousClock.now
            let value = try prepare(Image(contentsOf: paths[index], options: options), index)
            return (value, ContinuousClock.now - start)
        }
    }

    deinit { pictures.cancel() }

    /// The next batch; nil when all files are processed.
    package func next() async -> Batch? {
        guard position < count else { return nil }
        var batch = Batch(end: position)
        while batch.pictures.count < batchSize, let result = await pictures.next() { add(result, to: &batch) }
        return batch
    }

    /// Synchronous variant of `next`; blocks the calling thread.
    package func next() -> Batch? {
        guard position < count else { return nil }
        var batch = Batch(end: position)
        while batch.pictures.count < batchSize, let result = pictures.next() { add(result, to: &batch) }
        return batch
    }

    private func add(_ result: Result<Made, any Error>, to batch: inout Batch) {
        switch result {
        case .success(let made):
            batch.pictures.append(Picture(index: position, value: made.value))
            batch.time += made.time
        case .failure(let error): batch.faults.append(Fault(index: position, error: error))
        }
        position += 1
        batch.end = position
    }
}
