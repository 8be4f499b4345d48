import COCO
import DatasetFormats
import Synchronization

/// Sizes of pictures, for commands on data sets. The program that links this module provides the decoding.
package enum PictureSizes {
    /// Reads a picture's size; nil in a program that cannot. This is not a task-local value: one bound around a call
    /// that never returns ends optimized programs by a signal (Swift 6.3).
    private static let reader = Mutex<PictureReader?>(nil)

    /// Sets the function that reads sizes in this program.
    package static func read(by reader: PictureReader) {
        self.reader.withLock { $0 = reader }
    }

    /// The function that reads sizes.
    /// - Throws: ``CommandElsewhere`` if another program must run the command.
    static func reader(for entry: CommandEntry) throws -> @Sendable (String) throws -> PictureSize {
        guard let reader = reader.withLock({ $0 }) else { throw CommandElsewhere(entry: entry) }
        return reader.size
    }

    /// A reader that throws ``CommandElsewhere`` only when it is used, for commands that may not need it.
    static func readerWhenNeeded(for entry: CommandEntry) -> PictureReader {
        reader.withLock { $0 }
            ?? PictureReader(
                size: { _ in throw CommandElsewhere(entry: entry) },
                sizeOfBytes: { _ in throw CommandElsewhere(entry: entry) })
    }
}
