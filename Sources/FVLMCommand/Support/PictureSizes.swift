import COCO

/// Sizes of pictures, for commands of data sets. Decoding is of the program that links it.
package enum PictureSizes {
    /// Reads a picture's size; nil in a program that cannot.
    @TaskLocal package static var reader: (@Sendable (String) throws -> PictureSize)?

    /// The reader.
    /// - Throws: ``CommandElsewhere`` where another program must do what the command is asked for.
    static func reader(for entry: CommandEntry) throws -> @Sendable (String) throws -> PictureSize {
        guard let reader else { throw CommandElsewhere(entry: entry) }
        return reader
    }
}
