/// A zip archive over bytes in memory, usually a mapped file.
///
/// Reads what PyTorch, Python and the usual tools write: stored and deflated entries, zip64, data
/// descriptors (PKWARE's APPNOTE.TXT, sections 4.3 to 4.5). Everything in the directory is checked when the
/// archive is opened: entries that overlap, lie outside the file, disagree with their local header, occur
/// twice or are named like a way out of a folder are refused.
package struct ZipArchive: Sendable {
    /// One file of the archive.
    package struct Entry: Sendable {
        /// The name, folders separated by slashes.
        package let name: String

        /// Whether the bytes are deflated; otherwise they are stored as they are.
        package let isDeflated: Bool

        /// The CRC-32 of the contents.
        let checksum: UInt32

        /// The bytes of the file that hold the contents, as stored.
        let range: Range<Int>

        /// The size of the contents.
        package let byteCount: Int

        /// From the local header to the end of the stored bytes.
        let extent: Range<Int>
    }

    /// What messages call the archive: a file's path.
    package let origin: String

    /// The files, in the order of the directory. Folders are left out.
    package let entries: [Entry]

    private let indices: [String: Int]

    /// The bytes of the whole archive.
    let storage: TensorStorage

    /// Reads and checks the directory of the archive in `storage`.
    ///
    /// - Throws: ``WeightFileError``.
    package init(storage: TensorStorage, origin: String) throws {
        self.storage = storage
        self.origin = origin
        entries = try storage.withUnsafeBytes { bytes in
            try ZipDirectoryReader(bytes: bytes, origin: origin).entries()
        }
        var indices: [String: Int] = [:]
        indices.reserveCapacity(entries.count)
        for (index, entry) in entries.enumerated() {
            guard indices.updateValue(index, forKey: entry.name) == nil else {
                throw WeightFileError(
                    file: origin, place: "entry '\(entry.name)'", reason: "occurs twice in the archive")
            }
        }
        self.indices = indices
        let order = entries.sorted { $0.extent.lowerBound < $1.extent.lowerBound }
        for (first, second) in zip(order, order.dropFirst())
        where second.extent.lowerBound < first.extent.upperBound {
            throw WeightFileError(
                file: origin, place: "entry '\(second.name)'",
                reason: "starts at byte \(second.extent.lowerBound), inside of entry '\(first.name)'")
        }
    }

    /// The entry called `name`.
    package subscript(name: String) -> Entry? { indices[name].map { entries[$0] } }
}
