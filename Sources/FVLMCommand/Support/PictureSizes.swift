import COCO
import Synchronization

/// Sizes of pictures, for commands of data sets. Decoding is of the program that links it.
package enum PictureSizes {
    /// Reads a picture's size; nil in a program that cannot. Not a task-local value: bound around a call that never returns,
    /// one ends optimized programs by a signal (Swift 6.3).
    private static let reader = Mutex<(@Sendable (String) throws -> PictureSize)?>(nil)

    /// Lets this program's commands read sizes.
    package static func read(by reader: @escaping @Sendable (String) throws -> PictureSize) {
        self.reader.withLock { $0 = reader }
    }

    /// The reader.
    /// - Throws: ``CommandElsewhere`` where another program must do what the command is asked for.
    static func reader(for entry: CommandEntry) throws -> @Sendable (String) throws -> PictureSize {
        guard let reader = reader.withLock({ $0 }) else { throw CommandElsewhere(entry: entry) }
        return reader
    }
}
