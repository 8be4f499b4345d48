import Support
import Foundation

/// Picture files on their way to a network: read, decoded and prepared ahead by other threads, handed out in batches.
///
/// ```swift
/// let stream = PictureStream(paths, batchSize: 8) { image, _ in try detector.prepare(image) }
/// while let batch = await stream.next() {
///     for fault in batch.faults { note("left out: \(fault.error)") }
///     let found = try await detector.detect(prepared: batch.pictures.map(\.value), vocabulary: vocabulary)
/// }
/// ```
///
/// A file that cannot be used is a value of the batch, not an error of the stream: whether it ends the work is for the
/// caller to say.
package final class PictureStream<Value: Sendable> {
    /// A picture that was prepared.
    package struct Picture: Sendable {
        /// The place of its path in the list.
        package let index: Int

        /// What was made of it.
        package let value: Value
    }

    /// A file that could not be read, decoded or prepared.
    package struct Fault: Sendable {
        /// The place of its path in the list.
        package let index: Int

        /// Why.
        package let error: any Error
    }

    /// Pictures that belong together, and the files that failed on the way to them.
    package struct Batch: Sendable {
        /// As many as the stream's batches hold; fewer, or none, at its end.
        package fileprivate(set) var pictures: [Picture] = []

        /// Files that failed since the last batch.
        package fileprivate(set) var faults: [Fault] = []

        /// How many files of the list are behind the stream after this batch.
        package fileprivate(set) var end: Int

        /// The time that reading, decoding and preparing took, on the threads that did it.
        package fileprivate(set) var time = Duration.zero
    }

    private typealias Made = (value: Value, time: Duration)

    /// How many files there are.
    package let count: Int

    private let batchSize: Int
    private let pictures: ReadAhead<Made>
    private var position = 0

    /// Starts to read at once.
    ///
    /// - Parameters:
    ///   - paths: The files.
    ///   - batchSize: How many pictures a batch holds. One more batch, or one picture a processor, is kept ahead.
    ///   - options: How files are decoded.
    ///   - prepare: Makes of a picture what the caller needs, given its place in the list; called on several threads.
    package init(
        _ paths: [String], batchSize: Int = 1, options: DecodingOptions = DecodingOptions(),
        prepare: @escaping @Sendable (Image, Int) throws -> Value
    ) {
        let batchSize = max(batchSize, 1)
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

    /// The next batch; nil when all files are behind the stream.
    package func next() async -> Batch? {
        guard position < count else { return nil }
        var batch = Batch(end: position)
        while batch.pictures.count < batchSize, let result = await pictures.next() { add(result, to: &batch) }
        return batch
    }

    /// The next batch, for which the calling thread waits; nil when all files are behind the stream.
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
