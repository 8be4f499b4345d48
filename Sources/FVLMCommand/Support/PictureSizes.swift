import COCO
import Synchronization

/// Sizes of pictures, for commands on data sets. The program that links this module provides the decoding.
package enum PictureSizes {
    /// Reads a picture's size; nil in a program that cannot. This is not a task-local value: one bound around a call
    /// that never returns ends optimized programs by a signal (Swift 6.3).
    private static let reader = Mutex<(@Sendable (String) throws -> PictureSize)?>(nil)

    /// Sets the function that reads sizes in this program.
    package static func read(by reader: @escaping @Sendable (String) throws -> PictureSize) {
        self.reader.withLock { $0 = reader }
    }

    /// The function that reads sizes.
    /// - Throws: ``CommandElsewhere`` if another program must run the command.
    static func reader(for entry: CommandEntry) throws -> @Sendable (String) throws -> PictureSize {
        guard let reader = reader.withLock({ $0 }) else { throw CommandElsewhere(entry: entry) }
        return reader
    }
}
