import Synchronization

/// Small copies of pictures, for pages. The program that links this module provides the decoding, as of ``PictureSizes``.
package enum PictureThumbnails {
    /// Makes the file of a copy whose longer side has at most `side` pixels.
    package typealias Maker = @Sendable (_ path: String, _ side: Int) throws -> [UInt8]

    private static let maker = Mutex<Maker?>(nil)

    /// Sets the function that makes copies in this program.
    package static func make(by maker: @escaping Maker) { self.maker.withLock { $0 = maker } }

    /// The function that makes copies.
    /// - Throws: ``CommandElsewhere`` if another program must run the command.
    package static func maker(for entry: CommandEntry) throws -> Maker {
        guard let maker = maker.withLock({ $0 }) else { throw CommandElsewhere(entry: entry) }
        return maker
    }
}
