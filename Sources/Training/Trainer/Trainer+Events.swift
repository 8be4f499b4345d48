import Foundation

extension Trainer {
    /// Trains on a thread of its own and gives what happens as a stream.
    ///
    /// Leaving the loop over the stream asks the training to end.
    /// - Parameters:
    ///   - stopRequest: The one that the trainer is made with.
    ///   - make: Makes the trainer, on that thread.
    /// - Returns: The events; the stream throws what ``run(_:)`` throws.
    public static func events(
        stopRequest: StopRequest, _ make: @escaping @Sendable (StopRequest) throws -> Trainer
    ) -> AsyncThrowingStream<TrainingEvent, any Error> {
        let (stream, continuation) = AsyncThrowingStream.makeStream(of: TrainingEvent.self)
        continuation.onTermination = { _ in stopRequest.make() }
        let thread = Thread {
            do {
                try make(stopRequest).run { continuation.yield($0) }
                continuation.finish()
            } catch {
                continuation.finish(throwing: error)
            }
        }
        thread.name = "training"
        // What threads of libtorch and deep graphs expect, as a main thread has.
        thread.stackSize = 8 << 20
        thread.start()
        return stream
    }
}
